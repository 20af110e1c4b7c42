/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/ticket/identity.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"

enum { FILE_MAX = 1024 * 1024, PATH_ROOM = 4096 };

static int
file_of(const char *folder, char *path, struct err *e)
{
	/* no ticket's file: those end with .yaml and .state.json */
	if (snprintf(path, PATH_ROOM, "%s/identities.json", folder) < PATH_ROOM)
		return 0;
	return err_set(e, ERR_CONFIG, "the store's path is too long");
}

json_t *
identity_read(const char *folder, struct err *e)
{
	char path[PATH_ROOM];
	struct buf text;
	json_t *v = NULL;
	int ret;

	if (file_of(folder, path, e) != 0)
		return NULL;
	buf_init(&text, FILE_MAX + 1);
	ret = io_read_file(path, FILE_MAX, &text, e);
	if (ret == ERR_NOT_FOUND)
		v = json_object();
	else if (ret == 0 && (v = json_line_parse(buf_data(&text), buf_len(&text), e)) == NULL)
		err_set(e, ERR_BROKEN, "%s is not what twokey wrote; restore it, or move it away to begin anew", path);
	buf_fini(&text);
	return v;
}

int
identity_note(const char *folder, const char *identity, enum ticket_stage stage, struct err *e)
{
	char path[PATH_ROOM];
	json_t *v = identity_read(folder, e);
	const char *known = v != NULL ? json_str(v, identity, NULL) : NULL;
	struct buf text;
	int ret;

	if (v == NULL || (known != NULL && (strcmp(known, ticket_stage_name(stage)) == 0 ||
	    strcmp(known, ticket_stage_name(TICKET_STAGE_PRODUCTION)) == 0))) {
		json_decref(v);
		return v == NULL ? e->code : 0;
	}
	json_object_set_new(v, identity, json_string(ticket_stage_name(stage)));
	buf_init(&text, FILE_MAX);
	json_put(&text, v);
	json_decref(v);
	ret = file_of(folder, path, e);
	if (ret == 0 && buf_over(&text))
		ret = err_set(e, ERR_FULL, "%s is full", path);
	if (ret == 0)
		ret = io_write_file(path, 0600, buf_data(&text), buf_len(&text), e);
	buf_fini(&text);
	return ret;
}

void
identity_key(const char *identity, char *out, size_t size)
{
	static const char word[] = " timeline ";
	const char *at = strstr(identity, word), *rest = "";
	char hex[DIGEST_HEX + 1];
	struct digest d;
	int n;

	if (at != NULL)
		rest = at + strlen(word) + strcspn(at + strlen(word), " ");
	n = snprintf(out, size, "%.*s%s", at != NULL ? (int)(at - identity) : (int)strlen(identity), identity, rest);
	if (n >= 0 && (size_t)n < size)
		return;
	/* cut, two servers could be one, and a letter half */
	d = digest_of(identity, strlen(identity));
	digest_hex(&d, hex);
	snprintf(out, size, "sha256 %s", hex);
}

static bool
is_live(enum ticket_stage s)
{
	return s == TICKET_STAGE_PRODUCTION || s == TICKET_STAGE_REPLICA;
}

bool
identity_fits(enum ticket_stage known, enum ticket_stage now)
{
	return !is_live(known) || is_live(now);
}
