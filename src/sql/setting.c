/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings: only those named here have no power over the gate; PRAGMA by pragma. */
#include "config.h"
#include "sql/verb.h"

#include <stdlib.h>
#include <string.h>

/* Sorted for bsearch, lower case. */
static const char *const mild_postgres[] = {
	"array_nulls", "bytea_output", "client_min_messages", "constraint_exclusion", "cpu_index_tuple_cost",
	"cpu_operator_cost", "cpu_tuple_cost", "cursor_tuple_fraction", "datestyle", "debug_pretty_print",
	"default_statistics_target", "default_text_search_config", "effective_cache_size",
	"effective_io_concurrency", "enable_async_append", "enable_bitmapscan", "enable_distinct_reordering",
	"enable_gathermerge", "enable_group_by_reordering", "enable_hashagg", "enable_hashjoin",
	"enable_incremental_sort", "enable_indexonlyscan", "enable_indexscan", "enable_material",
	"enable_memoize", "enable_mergejoin", "enable_nestloop", "enable_parallel_append",
	"enable_parallel_hash", "enable_partition_pruning", "enable_partitionwise_aggregate",
	"enable_partitionwise_join", "enable_presorted_aggregate", "enable_self_join_elimination",
	"enable_seqscan", "enable_sort", "enable_tidscan", "escape_string_warning", "extra_float_digits",
	"force_parallel_mode", "from_collapse_limit", "geqo", "geqo_effort", "geqo_generations",
	"geqo_pool_size", "geqo_seed", "geqo_selection_bias", "geqo_threshold",
	"hash_mem_multiplier", "intervalstyle", "jit", "jit_above_cost", "jit_expressions",
	"jit_inline_above_cost", "jit_optimize_above_cost", "jit_tuple_deforming", "join_collapse_limit",
	"lc_messages", "lc_monetary", "lc_numeric", "lc_time", "maintenance_io_concurrency",
	"max_parallel_maintenance_workers", "max_parallel_workers", "max_parallel_workers_per_gather",
	"min_parallel_index_scan_size", "min_parallel_table_scan_size", "parallel_leader_participation",
	"parallel_setup_cost", "parallel_tuple_cost", "plan_cache_mode", "quote_all_identifiers",
	"random_page_cost", "recursive_worktable_factor", "seq_page_cost", "stats_fetch_consistency",
	"synchronize_seqscans", "temp_buffers", "timezone", "work_mem", "xmlbinary", "xmloption",
};

static const char *const mild_mysql[] = {
	"big_tables", "date_format", "default_week_format", "div_precision_increment", "eq_range_index_dive_limit",
	"group_concat_max_len", "histogram_size", "histogram_type", "join_buffer_size", "join_cache_level",
	"lc_messages", "lc_time_names", "long_query_time", "max_heap_table_size", "max_length_for_sort_data",
	"max_sort_length", "mrr_buffer_size", "optimizer_prune_level", "optimizer_search_depth",
	"optimizer_selectivity_sampling_limit", "optimizer_switch", "optimizer_trace",
	"optimizer_trace_max_mem_size", "optimizer_use_condition_selectivity", "profiling",
	"profiling_history_size", "progress_report_time", "query_prealloc_size", "range_alloc_block_size",
	"read_buffer_size", "read_rnd_buffer_size", "rowid_merge_buff_size", "sort_buffer_size",
	"sql_auto_is_null", "sql_notes", "sql_quote_show_create", "sql_warnings", "standard_compliant_cte",
	"time_zone", "timestamp",
	"tmp_disk_table_size", "tmp_memory_table_size", "tmp_table_size", "use_stat_tables",
};

static int
compare(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

static size_t
lower_copy(char *out, size_t room, const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && i + 1 < room; i++)
		out[i] = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] + 32) : p[i];
	out[i] = '\0';
	return i;
}

enum sql_class
setting_class(enum sql_engine engine, const char *name, size_t n)
{
	char lower[64];
	const char *const *list = engine == SQL_POSTGRES ? mild_postgres : mild_mysql;
	size_t count = engine == SQL_POSTGRES ? sizeof(mild_postgres) / sizeof(mild_postgres[0])
	    : sizeof(mild_mysql) / sizeof(mild_mysql[0]);

	if (n >= sizeof(lower) || memchr(name, '\0', n) != NULL)
		return SQL_CLASS_ADMIN;
	lower_copy(lower, sizeof(lower), name, n);
	if (engine != SQL_POSTGRES && strncmp(lower, "optimizer_", 10) == 0)
		return SQL_CLASS_SESSION;
	return bsearch(lower, list, count, sizeof(list[0]), compare) != NULL ? SQL_CLASS_SESSION
	    : SQL_CLASS_ADMIN;
}

static const char power[] = "it changes the setting %, which has power over what twokey relies on";

static void
judge_setting(struct ctx *c, const struct name *nm)
{
	char name[64];
	size_t n = ctx_fold_into(c, &nm->part[0], name, sizeof(name), false);
	size_t mark = c->f->names_len;

	if (nm->nparts == 1 && setting_class(c->d->engine, name, n) == SQL_CLASS_SESSION)
		return;
	ctx_raise_name(c, SQL_CLASS_ADMIN, power, ctx_fold_name(c, &nm->part[nm->nparts - 1], false));
	if (c->reason != power)
		c->f->names_len = mark;
}

/* SET in PostgreSQL, the cursor behind it. */
void
stmt_set(struct ctx *c)
{
	const struct sql_token *t;
	struct name nm;

	if ((is_kw(cur(c), KW_SESSION) || is_kw(cur(c), KW_LOCAL)) && !ctx_is_op(c, ctx_ahead(c, 1), "=")
	    && !is_kw(ctx_ahead(c, 1), KW_TO)) {
		ctx_step(c);
	}
	t = cur(c);
	if (is_kw(t, KW_TIME) && is_kw(ctx_ahead(c, 1), KW_ZONE))
		return;
	if (is_kw(t, KW_CONSTRAINTS)) {
		ctx_raise(c, SQL_CLASS_CALL, "it runs checks and triggers that were put off, or puts them off");
		return;
	}
	if (is_kw(t, KW_XML))
		return;
	if (is_kw(t, KW_ROLE) || is_kw(t, KW_AUTHORIZATION)) {
		ctx_raise(c, SQL_CLASS_ADMIN, "it changes as whom the connection acts");
		return;
	}
	if (is_kw(t, KW_TRANSACTION) || is_kw(t, KW_CHARACTERISTICS)) {
		ctx_raise(c, SQL_CLASS_ADMIN, "it changes what transactions may do");
		return;
	}
	if (!ctx_take_name(c, &nm)) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its SET cannot be read");
		return;
	}
	judge_setting(c, &nm);
	if (!is_kw(cur(c), KW_TO) && !ctx_is_op(c, cur(c), "="))
		ctx_raise(c, SQL_CLASS_ADMIN, "it changes a setting in a form that twokey does not know");
}

void
stmt_reset(struct ctx *c)
{
	struct name nm;

	if (is_kw(cur(c), KW_ALL)) {
		ctx_raise(c, SQL_CLASS_ADMIN, "it changes every setting of the connection");
		return;
	}
	if (is_kw(cur(c), KW_TIME) && is_kw(ctx_ahead(c, 1), KW_ZONE))
		return;
	if (is_kw(cur(c), KW_SESSION) || is_kw(cur(c), KW_ROLE) || is_kw(cur(c), KW_TRANSACTION)) {
		ctx_raise(c, SQL_CLASS_ADMIN, "it changes as whom the connection acts");
		return;
	}
	if (ctx_take_name(c, &nm))
		judge_setting(c, &nm);
	else
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its RESET cannot be read");
}

/* What a pragma does without and with an argument. */
struct pragma {
	const char *name;
	enum sql_class bare;
	enum sql_class with;
	bool at_step;	/* acts when it runs, so EXPLAIN of it does nothing */
};

#define R SQL_CLASS_READ
#define S SQL_CLASS_SESSION
#define A SQL_CLASS_ADMIN
static const struct pragma pragmas[] = {
	{ "analysis_limit", R, S, false },
	{ "application_id", R, A, true },
	{ "auto_vacuum", R, A, false },
	{ "automatic_index", R, S, false },
	{ "busy_timeout", R, A, false },
	{ "cache_size", R, S, false },
	{ "cache_spill", R, S, false },
	{ "case_sensitive_like", S, S, false },
	{ "cell_size_check", R, S, false },
	{ "checkpoint_fullfsync", R, A, false },
	{ "collation_list", R, R, false },
	{ "compile_options", R, R, false },
	{ "count_changes", R, S, false },
	{ "data_version", R, A, false },
	{ "database_list", R, R, false },
	{ "default_cache_size", R, A, false },
	{ "defer_foreign_keys", R, A, false },
	{ "empty_result_callbacks", R, S, false },
	{ "encoding", R, A, false },
	{ "foreign_key_check", R, R, false },
	{ "foreign_key_list", R, R, false },
	{ "foreign_keys", R, A, false },
	{ "freelist_count", R, A, false },
	{ "full_column_names", R, S, false },
	{ "fullfsync", R, A, false },
	{ "function_list", R, R, false },
	{ "hard_heap_limit", R, A, false },
	{ "ignore_check_constraints", R, A, false },
	{ "incremental_vacuum", A, A, true },
	{ "index_info", R, R, false },
	{ "index_list", R, R, false },
	{ "index_xinfo", R, R, false },
	{ "integrity_check", R, R, false },
	{ "journal_mode", A, A, true },
	{ "journal_size_limit", R, A, false },
	{ "legacy_alter_table", R, A, false },
	{ "legacy_file_format", R, A, false },
	{ "locking_mode", R, A, false },
	{ "max_page_count", R, A, false },
	{ "mmap_size", R, S, false },
	{ "module_list", R, R, false },
	{ "optimize", A, A, false },
	{ "page_count", R, A, false },
	{ "page_size", R, A, false },
	{ "pragma_list", R, R, false },
	{ "query_only", R, A, false },
	{ "quick_check", R, R, false },
	{ "read_uncommitted", R, A, false },
	{ "recursive_triggers", R, A, false },
	{ "reverse_unordered_selects", R, S, false },
	{ "schema_version", R, A, true },
	{ "secure_delete", R, A, false },
	{ "short_column_names", R, S, false },
	{ "shrink_memory", S, S, false },
	{ "soft_heap_limit", R, A, false },
	{ "stats", R, R, false },
	{ "synchronous", R, A, false },
	{ "table_info", R, R, false },
	{ "table_list", R, R, false },
	{ "table_xinfo", R, R, false },
	{ "temp_store", R, S, false },
	{ "temp_store_directory", R, A, false },
	{ "threads", R, S, false },
	{ "trusted_schema", R, A, false },
	{ "user_version", R, A, true },
	{ "wal_autocheckpoint", R, A, false },
	{ "wal_checkpoint", A, A, true },
	{ "writable_schema", R, A, false },
};
#undef R
#undef S
#undef A

static int
compare_pragma(const void *key, const void *row)
{
	return strcmp(key, ((const struct pragma *)row)->name);
}

void
stmt_pragma(struct ctx *c)
{
	char name[64];
	struct name nm;
	const struct pragma *p = NULL;
	bool argument;
	enum sql_class class;

	c->f->returns_rows = true;
	c->may_commit = false;
	if (!ctx_take_name(c, &nm)) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its PRAGMA cannot be read");
		return;
	}
	if (ctx_fold_into(c, &nm.part[nm.nparts - 1], name, sizeof(name) - 1, true) < sizeof(name) - 1) {
		name[ctx_fold_into(c, &nm.part[nm.nparts - 1], name, sizeof(name) - 1, true)] = '\0';
		p = bsearch(name, pragmas, sizeof(pragmas) / sizeof(pragmas[0]), sizeof(pragmas[0]),
		    compare_pragma);
	}
	argument = !at_end(c);
	if (argument && cur(c)->tok != TOK_OPEN && !ctx_is_op(c, cur(c), "="))
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its PRAGMA cannot be read");
	if (p == NULL) {
		ctx_raise_name(c, SQL_CLASS_ADMIN, "twokey does not know the pragma %",
		    ctx_fold_name(c, &nm.part[nm.nparts - 1], true));
		return;
	}
	class = argument ? p->with : p->bare;
	if (c->quiet && p->at_step)
		return;
	ctx_raise_name(c, class, class == SQL_CLASS_SESSION ? "it changes the pragma % of this connection"
	    : "the pragma % changes the database file or what twokey relies on",
	    ctx_fold_name(c, &nm.part[nm.nparts - 1], true));
}
