/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes: the facts stay in their bounds, the whole is never milder than a statement that follows it,
 * what is derived is a read. The first byte chooses engine and modes. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/sql/derive.h"
#include "twokey/sql/facts.h"
#include "twokey/sql/redact.h"

static void
check_str(const struct sql_facts *f, struct sql_str s)
{
	must(s.n == 0 || (s.p >= f->names && s.p + s.n <= f->names + f->names_len));
}

static void
check_facts(const struct sql_facts *f, size_t n)
{
	size_t end = 0;

	must(f->class <= SQL_CLASS_UNKNOWN && f->names_len <= SQL_NAMES_MAX);
	must(memchr(f->why, '\0', sizeof(f->why)) != NULL && memchr(f->verb, '\0', sizeof(f->verb)) != NULL);
	must(f->ntables <= SQL_TABLES_MAX && f->nfunctions <= SQL_FUNCTIONS_MAX && f->ncolumns <= SQL_COLUMNS_MAX
	    && f->noperators <= SQL_OPERATORS_MAX && f->nsecrets <= SQL_SECRETS_MAX);
	for (size_t i = 0; i < f->ntables; i++) {
		check_str(f, f->tables[i].schema);
		check_str(f, f->tables[i].name);
	}
	for (size_t i = 0; i < f->nfunctions; i++)
		check_str(f, f->functions[i].name);
	for (size_t i = 0; i < f->ncolumns; i++)
		check_str(f, f->columns[i]);
	for (size_t i = 0; i < f->noperators; i++)
		check_str(f, f->operators[i]);
	for (size_t i = 0; i < f->nsecrets; i++) {
		must(f->secrets[i].off >= end && f->secrets[i].len <= n - f->secrets[i].off);
		end = f->secrets[i].off + f->secrets[i].len;
	}
}

static void
check_derived(const struct sql_settings *set, const char *sql, size_t n, struct sql_facts *f)
{
	static const char *const keys[] = { "id" };
	struct buf out;
	struct err e;

	for (int kind = SQL_DERIVE_COUNT; kind <= SQL_DERIVE_SAMPLE; kind++) {
		struct sql_derive_want want = { .kind = (enum sql_derived)kind, .keys = keys, .nkeys = 1, .limit = 3 };

		buf_init(&out, 1 << 20);
		if (sql_derive(set, sql, n, &want, &out, &e) == 0) {
			sql_classify(f, set, buf_data(&out), buf_len(&out));
			must(f->class == SQL_CLASS_READ && f->statements == 1);
		} else {
			must(buf_len(&out) == 0);
		}
		buf_fini(&out);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char more[] = "; DROP TABLE t";
	struct sql_settings set = { 0 };
	struct sql_facts *f = must_alloc(sizeof(*f));
	struct buf out;
	enum sql_class class;
	const char *sql = (const char *)data + 1;

	if (n > 0) {
		set.engine = (enum sql_engine)(data[0] % SQL_ENGINES);
		set.scs_off = data[0] & 4;
		set.ansi_quotes = data[0] & 8;
		set.no_backslash_escapes = data[0] & 16;
		sql_classify(f, &set, sql, n - 1);
		check_facts(f, n - 1);
		class = f->class;
		buf_init(&out, 64 << 20);
		sql_redact(&out, f, sql, n - 1);
		buf_reset(&out);
		buf_put(&out, sql, n - 1);
		buf_puts(&out, more);
		sql_classify(f, &set, buf_data(&out), buf_len(&out));
		must(f->class >= class || class == SQL_CLASS_UNKNOWN);
		check_derived(&set, sql, n - 1, f);
		buf_fini(&out);
	}
	free(f);
	return 0;
}
