/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "console_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants those above first */
#include <cmocka.h>

#include <jansson.h>

#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/console/model.h"
#include "twokey/transcript/reader.h"
#include "twokey/transcript/writer.h"

enum { QUOTA = 256 << 20, BODIES = 8, GOLDEN_MAX = 1 << 20 };

void
make_begin(struct make *k)
{
	const char *tmp = getenv("TMPDIR");
	struct err e;

	memset(k, 0, sizeof *k);
	snprintf(k->folder, sizeof k->folder, "%.30s/tk-console-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(k->folder));
	snprintf(k->path, sizeof k->path, "%s/t.jsonl", k->folder);
	k->w = transcript_writer_create(k->path, QUOTA, &e);
	if (k->w == NULL)
		fail_msg("%s", e.text);
	k->at = (struct make_clock){ INT64_C(1780926600) * 1000000, 1000 };
}

void
make_pass(struct make *k, double seconds)
{
	k->at.wall_us += (int64_t)(seconds * 1e6);
	k->at.mono_ms += (int64_t)(seconds * 1e3);
}

static char *
quotes(const char *s)
{
	char *out = strdup(s);

	for (char *p = out; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	return out;
}

void
make_event(struct make *k, enum transcript_event_kind kind, const char *fields, ...)
{
	struct transcript_body b[BODIES];
	struct transcript_place place;
	char *text = quotes(fields);
	json_t *ev = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *body;
	size_t n = 0;
	struct err e;
	va_list ap;

	if (ev == NULL)
		fail_msg("no JSON: %s", text);
	json_object_set_new(ev, "ev", json_string(transcript_event_rule(kind)->name));
	va_start(ap, fields);
	while ((body = va_arg(ap, const char *)) != NULL && n < BODIES) {
		/* made by make_text or written with ' */
		char *s = strncmp(body, "{\"", 2) == 0 ? strdup(body) : quotes(body);

		b[n++] = (struct transcript_body){ s, strlen(s) };
	}
	va_end(ap);
	if (transcript_append(k->w, (struct transcript_when){ k->at.wall_us, k->at.mono_ms }, kind, ev, b, n, &place,
	    &e) != 0)
		fail_msg("%s: %s", text, e.text);
	for (size_t i = 0; i < n; i++)
		free((char *)b[i].json);
	json_decref(ev);
	free(text);
}

const char *
make_text(const char *k, const char *text)
{
	static struct buf ring[4];
	static unsigned turn;
	struct buf *b = &ring[turn++ % 4];
	json_t *o = json_object();

	buf_fini(b);
	buf_init(b, GOLDEN_MAX);
	json_object_set_new(o, "k", json_string(k));
	json_set_bytes(o, "text", text, strlen(text));
	json_put(b, o);
	json_decref(o);
	return buf_str(b);
}

void
make_seal(struct make *k)
{
	struct err e;

	if (transcript_seal(k->w, (struct transcript_when){ k->at.wall_us, k->at.mono_ms }, &e) != 0)
		fail_msg("%s", e.text);
}

void
make_end(struct make *k)
{
	transcript_writer_close(k->w);
	unlink(k->path);
	rmdir(k->folder);
}

void
make_opening(struct make *k)
{
	make_event(k, TRANSCRIPT_EVENT_BEGIN, "{'v':1,'session':'s-01','ticket':'MFX-1234','digest':'',"
	    "'access':'write','stage':'production','broker':'private','unverified':true,'target':'shop',"
	    "'engine':'postgres','people':[{'person':'ben','side':'firm','seat':'driver'},"
	    "{'person':'anna','side':'customer','seat':'confirmer'}],'results':'full',"
	    "'expires':'2026-06-08T16:00:00.000000Z'}", "{'k':'ticket','text':'id: MFX-1234\\n'}", NULL);
	make_pass(k, 1);
	make_event(k, TRANSCRIPT_EVENT_CONNECTED, "{'engine':'postgres','version':'15.20','database':'shop',"
	    "'role':'support','identity':'x','caps':['read-wall','transaction','cancel','explain'],'settings':''}",
	    "{'k':'own','statements':[{'name':'pg.begin-read','sql':'BEGIN READ ONLY'}]}", NULL);
	make_pass(k, 1);
	make_event(k, TRANSCRIPT_EVENT_JOINED, "{'by':'ben','seat':'driver','side':'firm','unverified':true}", NULL);
	make_pass(k, 1);
	make_event(k, TRANSCRIPT_EVENT_JOINED, "{'by':'anna','seat':'confirmer','side':'customer','unverified':true}",
	    NULL);
}

/* Events 5 to 9: a read with rows, and one with an error. */
static void
shop_reads(struct make *k)
{
	static const char bad[] = "selec id,\n  status from orders;";

	make_pass(k, 60);
	make_event(k, TRANSCRIPT_EVENT_READ, "{'by':'ben','class':'read','verb':'select','tables':['orders']}",
	    make_text("sql", "select id, status, total\n  from orders where id in (4211,4212,4213);"), NULL);
	make_event(k, TRANSCRIPT_EVENT_ROWS, "{'of':5,'part':1,'rows':2}",
	    "{'k':'rows','cols':[{'name':'id','type':'int4'},{'name':'status','type':'text'},"
	    "{'name':'total','type':'numeric'}],'rows':[['4211','new','22.19'],['4212',null,'104.00']]}", NULL);
	make_event(k, TRANSCRIPT_EVENT_ROWS, "{'of':5,'part':2,'rows':1}",
	    "{'k':'rows','rows':[['4213','n\\u00e9w \\u6f22\\u5b57','8.50']]}", NULL);
	make_event(k, TRANSCRIPT_EVENT_DONE, "{'of':5,'rows':3,'cut':false,'took':0.9}", NULL);
	make_pass(k, 30);
	make_event(k, TRANSCRIPT_EVENT_READ, "{'by':'ben','class':'read','verb':'select'}",
	    make_text("sql", bad), NULL);
	make_event(k, TRANSCRIPT_EVENT_FAILED, "{'of':9,'code':'42601','position':13,'took':0.2}",
	    "{'k':'error','text':'syntax error at or near status'}", NULL);
}

/* Events 11 to 19: a write from its asking to its commit, with a question. */
static void
shop_write(struct make *k)
{
	static const char sql[] = "UPDATE orders\n   SET status = 'paid'\n WHERE id IN (4211, 4212, 4213);";

	make_pass(k, 90);
	make_event(k, TRANSCRIPT_EVENT_REQUEST, "{'by':'ben','class':'write','verb':'update','tables':['orders'],"
	    "'digest':'9f3c11a09f3c11a09f3c11a09f3c11a09f3c11a09f3c11a09f3c11a09f3c11a0','dangers':['trigger'],"
	    "'table':'orders','op':'=','rows':3,'until':'2026-06-08T14:08:12.000000Z'}",
	    make_text("sql", sql), "{'k':'reason','text':'step 3, webhook lost, comment 17'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_SHEET, "{'of':11,'how':'derived','count':3,"
	    "'bind':'11a09f3c11a09f3c11a09f3c11a09f3c11a09f3c11a09f3c11a09f3c11a09f3c','dangers':[],"
	    "'triggers':['orders_audit'],'cascades':[],'rules':[],'policies':[],'takes':['ROW EXCLUSIVE on orders','ROW SHARE on customers'],"
	    "'sight':'part','holders':2,'blocking':1,'table_rows':500,'table_bytes':163840,'rollback':'yes','undo':'none','took':1.1}",
	    "{'k':'derived','text':'SELECT id, status FROM orders WHERE id IN (4211, 4212, 4213)'}",
	    "{'k':'sample','cols':[{'name':'id','type':'int4'},{'name':'status','type':'text'},"
	    "{'name':'status (new)','type':'text'},{'name':'total','type':'numeric'}],"
	    "'rows':[['4211','new','paid','22.19'],['4212',null,'paid','104.00'],['4213','paid','paid','8.50']]}",
	    "{'k':'note','text':''}", "{'k':'locks','holders':[{'blocks':true,'backend':'4711','user':'kim','application':'nightly',"
	    "'on':'orders','mode':'SHARE ROW EXCLUSIVE','state':'idle in transaction','age':260,'sql':'LOCK TABLE orders IN SHARE ROW"
	    " EXCLUSIVE MODE'},{'blocks':false,'backend':'4712','user':'ben','on':'orders','mode':'ROW EXCLUSIVE'}]}", NULL);
	make_pass(k, 8);
	make_event(k, TRANSCRIPT_EVENT_OPENED, "{'of':11,'by':'anna','last':false}", NULL);
	make_pass(k, 1);
	make_event(k, TRANSCRIPT_EVENT_OPENED, "{'of':11,'by':'anna','last':true}", NULL);
	make_pass(k, 9);
	make_event(k, TRANSCRIPT_EVENT_ASKED, "{'of':11,'by':'anna','until':'2026-06-08T14:10:00.000000Z'}",
	    "{'k':'text','text':'why not wait for the nightly job?'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_REPLIED, "{'of':11,'by':'ben'}",
	    "{'k':'text','text':'it skips orders older than 6 h'}", NULL);
	make_pass(k, 40);
	make_event(k, TRANSCRIPT_EVENT_ALLOWED, "{'of':11,'by':'anna','digest':'','bind':''}",
	    "{'k':'typed','text':'orders 3'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_RUN, "{'of':11}", NULL);
	make_event(k, TRANSCRIPT_EVENT_COMMITTING, "{'of':11,'affected':3,'xid':'771'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_COMMITTED, "{'of':11,'affected':3,'took':2.1,"
	    "'effects':[{'table':'orders','inserted':0,'updated':3,'deleted':0}]}", NULL);
}

/* Events 21 to 29: no, refused, words, hostile data, the end. */
static void
shop_rest(struct make *k)
{
	make_pass(k, 120);
	make_event(k, TRANSCRIPT_EVENT_REQUEST, "{'by':'ben','class':'write','verb':'delete','tables':['orders'],"
	    "'digest':'','dangers':['no-where'],'table':'orders','until':'2026-06-08T14:12:00.000000Z'}",
	    make_text("sql", "delete from orders;"), "{'k':'reason','text':''}", NULL);
	make_event(k, TRANSCRIPT_EVENT_DENIED, "{'of':21,'by':'anna'}", "{'k':'reason','text':'not in the plan'}", NULL);
	make_pass(k, 20);
	make_event(k, TRANSCRIPT_EVENT_REFUSED, "{'by':'ben','class':'ddl','verb':'drop','code':'ddl'}",
	    make_text("sql", "drop table orders;"), "{'k':'why','text':'ddl is not permitted by this ticket'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_SAID, "{'by':'anna'}", "{'k':'text','text':'please \\u001b[31mstop\\u202e here'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_NOTED, "{'by':'kim'}", "{'k':'text','text':'all rows looked at'}", NULL);
	make_pass(k, 20);
	make_event(k, TRANSCRIPT_EVENT_READ, "{'by':'ben','class':'read','verb':'select'}",
	    make_text("sql", "select note, photo from customers;"), NULL);
	make_event(k, TRANSCRIPT_EVENT_ROWS, "{'of':26,'part':1,'rows':2}",
	    "{'k':'rows','cols':[{'name':'note','type':'text'},{'name':'photo','type':'bytea'}],'rows':"
	    "[['\\u001b]52;c;ZXZpbA==\\u0007',{'base64':'AAH/'}],['a\\nb\\u0001c',{'text':'begin','cut':70000}]]}", NULL);
	make_event(k, TRANSCRIPT_EVENT_DONE, "{'of':26,'rows':2,'cut':true,'took':4}", NULL);
	make_pass(k, 10);
	make_event(k, TRANSCRIPT_EVENT_ENDED, "{'by':'ben','code':'end'}", "{'k':'why','text':'the driver ended it'}", NULL);
}

void
make_shop(struct make *k)
{
	make_begin(k);
	make_opening(k);
	shop_reads(k);
	shop_write(k);
	shop_rest(k);
	make_seal(k);
}

/* Events 1 to 12. */
static void
way_opening(struct make *k)
{
	make_event(k, TRANSCRIPT_EVENT_BEGIN, "{'v':1,'session':'s-02','ticket':'MFX-77','digest':'','access':'write',"
	    "'stage':'production','broker':'system','target':'shop','engine':'postgres','people':[{'person':'ben',"
	    "'side':'firm','seat':'driver'},{'person':'anna','side':'customer','seat':'confirmer'}],'results':'full'}",
	    "{'k':'ticket','text':'id: MFX-77\\n'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_LOCKED, "{'by':'anna','what':'passphrase','of_what':'jump','box':'AAAA'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_WANTED, "{'by':'ben','what':'password','of_what':'support','box':'BBBB'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_GIVEN, "{'of':2,'by':'anna'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_TUNNEL, "{'hop':1,'name':'jump','state':'connected','took':4.5}", NULL);
	make_event(k, TRANSCRIPT_EVENT_TUNNEL, "{'hop':1,'name':'jump','state':'open','took':38.25,"
	    "'key':'SHA256:Qm3xT1mYw0bUvB8s5cQe2f7kHh4pLr9nZa6dGj0iVuE','type':'ssh-ed25519'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_GIVEN, "{'of':3,'by':'ben'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_AUDIT, "{'kinds':['owner','no-expiry']}", "{'k':'audit','findings':["
	    "{'what':'owner','object':'public.orders','detail':'table'},{'what':'no-expiry','object':'support','detail':''}]}",
	    NULL);
	make_event(k, TRANSCRIPT_EVENT_CONNECTED, "{'engine':'postgres','version':'PostgreSQL 15.20 on x86_64',"
	    "'release':'15','database':'shop','role':'support','identity':'x','standing':'replica','lag':3200,"
	    "'source':'east','encrypted':false,'caps':['read-wall','transaction','cancel','explain'],'settings':'','text':{},"
	    "'limits':{'statement_ms':30000,'lock_ms':2000,'rows':10000,'bytes':16777216}}",
	    "{'k':'own','statements':[{'name':'pg.begin-read','sql':'BEGIN READ ONLY'}]}", NULL);
	make_event(k, TRANSCRIPT_EVENT_ACCOUNT, "{'role':'support','shown':['no-expiry'],'accepted':['owner'],'refused':[]}",
	    NULL);
	make_event(k, TRANSCRIPT_EVENT_JOINED, "{'by':'ben','seat':'driver','side':'firm'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_JOINED, "{'by':'anna','seat':'confirmer','side':'customer'}", NULL);
}

/* Events 13 to 20: the names, a definition, a read that was not run. */
static void
way_asked(struct make *k)
{
	make_event(k, TRANSCRIPT_EVENT_DESCRIBE, "{'by':'ben','subject':'names'}", make_text("name", ""), NULL);
	make_event(k, TRANSCRIPT_EVENT_ROWS, "{'of':13,'part':1,'rows':1}", "{'k':'rows','cols':[{'name':'what','type':'text'},"
	    "{'name':'name','type':'text'},{'name':'place','type':'text'}],'rows':[['table','orders','public']]}", NULL);
	make_event(k, TRANSCRIPT_EVENT_DONE, "{'of':13,'rows':1,'cut':false,'took':3}", NULL);
	make_event(k, TRANSCRIPT_EVENT_DESCRIBE, "{'by':'ben','subject':'table'}", make_text("name", "orders"), NULL);
	make_event(k, TRANSCRIPT_EVENT_ROWS, "{'of':16,'part':1,'rows':1}", "{'k':'rows','cols':[{'name':'what','type':'text'},"
	    "{'name':'name','type':'text'},{'name':'definition','type':'text'}],'rows':[['column','id','integer']]}", NULL);
	make_event(k, TRANSCRIPT_EVENT_DONE, "{'of':16,'rows':1,'cut':false,'took':3}", NULL);
	make_pass(k, 5);
	make_event(k, TRANSCRIPT_EVENT_READ, "{'by':'ben','class':'read','verb':'select','digest':'','tables':['orders']}",
	    make_text("sql", "select count(*) from orders"), NULL);
	make_event(k, TRANSCRIPT_EVENT_COSTLY, "{'of':19,'rows':200000,'limit':50000,'table':'public.orders','bytes':9646899,"
	    "'took':1,'own':[]}", NULL);
}

/* Events 21 to 29: it is asked for and allowed; the hop is lost. */
static void
way_allowed(struct make *k)
{
	make_event(k, TRANSCRIPT_EVENT_REQUEST, "{'by':'ben','class':'read','verb':'select','tables':['orders'],'digest':'',"
	    "'dangers':['cost'],'op':'<=','rows':200000,'table':'public.orders','until':'2026-06-08T14:08:00.000000Z'}",
	    make_text("sql", "select count(*) from orders"), "{'k':'reason','text':'once a year'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_SHEET, "{'of':21,'how':'explain','count':null,'bind':'','keys':'','dangers':[],"
	    "'triggers':[],'cascades':[],'table_rows':200000,'undo':'none','took':1}", make_text("note", "It changes nothing."),
	    NULL);
	make_event(k, TRANSCRIPT_EVENT_OPENED, "{'of':21,'by':'anna','last':true}", NULL);
	make_event(k, TRANSCRIPT_EVENT_ALLOWED, "{'of':21,'by':'anna','digest':'','bind':''}",
	    "{'k':'typed','text':'public.orders <=200000'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_RUN, "{'of':21}", NULL);
	make_event(k, TRANSCRIPT_EVENT_ROWS, "{'of':21,'part':1,'rows':1}",
	    "{'k':'rows','cols':[{'name':'count','type':'int8'}],'rows':[['200000']]}", NULL);
	make_event(k, TRANSCRIPT_EVENT_DONE, "{'of':21,'rows':1,'cut':false,'took':15}", NULL);
	make_event(k, TRANSCRIPT_EVENT_TUNNEL, "{'hop':1,'name':'jump','state':'lost','code':'silent','bytes_in':4096,"
	    "'bytes_out':70000}", "{'k':'why','text':'jump does not answer any more'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_ENDED, "{'code':'lost'}", "{'k':'why','text':'the tunnel is lost'}", NULL);
}

void
make_way(struct make *k)
{
	make_begin(k);
	way_opening(k);
	way_asked(k);
	way_allowed(k);
	make_seal(k);
}

/* Events 5 to 17: a set of two is collected, asked for, held and kept. */
static void
held_set(struct make *k)
{
	make_event(k, TRANSCRIPT_EVENT_BEGUN, "{'by':'ben','until':'2026-06-08T14:05:00.000000Z'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_STAGED, "{'of':5,'by':'ben','class':'write','verb':'UPDATE','digest':'','tables':['orders'],"
	    "'dangers':[],'op':'=','rows':2}", make_text("sql", "update orders set a = 1\n where id < 3"),
	    "{'k':'reason','text':'step 3'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_STAGED, "{'of':5,'by':'ben','class':'write','verb':'DELETE','digest':'','tables':['items'],"
	    "'dangers':[],'op':'<=','rows':9}", make_text("sql", "delete from items where o < 3"), "{'k':'reason','text':''}", NULL);
	make_event(k, TRANSCRIPT_EVENT_DROPPED, "{'of':5,'by':'ben','code':'asked'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_REQUEST, "{'by':'ben','class':'write','verb':'COMMIT','tables':['orders','items'],'digest':'',"
	    "'dangers':[],'bounds':['= 2','<= 9'],'table':'orders+items','until':'2026-06-08T14:00:00.000000Z'}",
	    make_text("sql", "update orders set a = 1\n where id < 3;\ndelete from items where o < 3;\n"),
	    "{'k':'reason','text':'step 3'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_SHEET, "{'of':9,'how':'derived','count':6,'counts':[2,4],'bind':'','keys':'','dangers':[],"
	    "'triggers':[],'cascades':[],'undo':'none'}", "{'k':'sample','parts':[{'cols':[{'name':'id'},{'name':'a'},{'name':'a (new)'}],"
	    "'rows':[['1','0','1'],['2','0','1']]},{'cols':[{'name':'id'}],'rows':[['7']]}]}", NULL);
	make_event(k, TRANSCRIPT_EVENT_OPENED, "{'of':9,'by':'anna','last':true}", NULL);
	make_event(k, TRANSCRIPT_EVENT_ALLOWED, "{'of':9,'by':'anna'}", "{'k':'typed','text':'orders+items <=11'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_RUN, "{'of':9}", NULL);
	make_event(k, TRANSCRIPT_EVENT_HELD, "{'of':9,'why':['set','moved'],'affected':7,'counts':[2,5],'effects':[{'table':'public.orders',"
	    "'inserted':0,'updated':2,'deleted':0},{'table':'items','inserted':0,'updated':0,'deleted':5}],'bind':'',"
	    "'until':'2026-06-08T13:55:00.000000Z','took':1.5}", "{'k':'note','text':'it is a change set\\nother rows matched when it ran\\nNobody is seen waiting.'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_OPENED, "{'of':9,'by':'anna','last':true}", NULL);
	make_pass(k, 3);
	make_event(k, TRANSCRIPT_EVENT_KEPT, "{'of':9,'by':'anna','key':'SHA256:anna','touch':true}",
	    "{'k':'typed','text':'keep orders+items 7'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_COMMITTING, "{'of':9,'affected':7}", NULL);
	make_event(k, TRANSCRIPT_EVENT_COMMITTED, "{'of':9,'affected':7,'effects':[{'table':'orders','inserted':0,'updated':2,'deleted':0},"
	    "{'table':'items','inserted':0,'updated':0,'deleted':5}],'took':2}", NULL);
}

/* Events 19 to 33: a set is dropped with its age, a change is held and taken back. */
static void
held_denied(struct make *k)
{
	make_event(k, TRANSCRIPT_EVENT_BEGUN, "{'by':'ben','until':'2026-06-08T14:05:00.000000Z'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_STAGED, "{'of':19,'by':'ben','class':'write','verb':'DELETE','digest':'','tables':['items'],"
	    "'dangers':[]}", make_text("sql", "delete from items"), "{'k':'reason','text':''}", NULL);
	make_event(k, TRANSCRIPT_EVENT_READ, "{'by':'ben','class':'read','verb':'SELECT','tables':['items']}",
	    make_text("sql", "select 1"), NULL);
	make_event(k, TRANSCRIPT_EVENT_DROPPED, "{'of':19,'code':'age'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_REQUEST, "{'by':'ben','class':'write','verb':'DELETE','tables':['items'],'digest':'','dangers':[],"
	    "'op':'<=','rows':9,'table':'items','until':'2026-06-08T14:08:00.000000Z'}",
	    make_text("sql", "delete from items where a = 1"), "{'k':'reason','text':'r'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_SHEET, "{'of':23,'how':'unknown','count':null,'bind':'','keys':'','dangers':[],'undo':'none'}",
	    make_text("note", "It has a join."), NULL);
	make_event(k, TRANSCRIPT_EVENT_OPENED, "{'of':23,'by':'anna','last':true}", NULL);
	make_event(k, TRANSCRIPT_EVENT_ALLOWED, "{'of':23,'by':'anna'}", "{'k':'typed','text':'items <=9'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_RUN, "{'of':23}", NULL);
	make_event(k, TRANSCRIPT_EVENT_HELD, "{'of':23,'why':['ticket','count'],'affected':8,'counts':[8],'bind':'',"
	    "'until':'2026-06-08T13:55:00.000000Z','took':1.5}", NULL);
	make_event(k, TRANSCRIPT_EVENT_OPENED, "{'of':23,'by':'anna','last':false}", NULL);
	make_event(k, TRANSCRIPT_EVENT_DENIED, "{'of':23,'by':'anna'}", "{'k':'reason','text':'too many'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_ROLLEDBACK, "{'of':23,'code':'denied','affected':8,'took':1}",
	    "{'k':'why','text':'the second person did not keep it'}", NULL);
	make_event(k, TRANSCRIPT_EVENT_ENDED, "{'by':'ben','code':'end'}", NULL);
}

void
make_held(struct make *k)
{
	make_begin(k);
	make_opening(k);
	held_set(k);
	held_denied(k);
	make_seal(k);
}

void
make_feed(const char *path, struct model *m, uint64_t n)
{
	struct err e;
	struct transcript_reader *r = transcript_reader_open(path, &e);

	assert_non_null(r);
	for (uint64_t i = 1; i <= n; i++) {
		size_t lines = transcript_event_lines(r, i), len;

		for (size_t k = 0; k < lines; k++) {
			const char *line = transcript_event_line(r, i, k, &len);

			assert_true(model_feed(m, line, len));
		}
	}
	transcript_reader_close(r);
}

void
make_golden(const char *name, const char *text, size_t n)
{
	const char *top = getenv("top_srcdir"), *how = getenv("TWOKEY_GOLDEN");
	char path[4096];
	struct err e;
	struct buf b;

	snprintf(path, sizeof path, "%s/tests/golden/console/%s", top != NULL ? top : ".", name);
	if (how != NULL && strcmp(how, "write") == 0) {
		FILE *f = fopen(path, "wb");

		assert_non_null(f);
		assert_int_equal(fwrite(text, 1, n, f), n);
		fclose(f);
		return;
	}
	buf_init(&b, GOLDEN_MAX);
	if (io_read_file(path, GOLDEN_MAX, &b, &e) != 0)
		fail_msg("%s", e.text);
	if (buf_len(&b) != n || memcmp(buf_data(&b), text, n) != 0)
		fail_msg("%s differs; got:\n%.*s", name, (int)n, text);
	buf_fini(&b);
}
