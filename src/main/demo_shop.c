/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "demo_shop.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"

enum {
	CUSTOMERS = 400,
	ORDERS = 2000,
	ORDERS_OLD = 25,	/* the first ones are all shipped, but for those below */
	SQL_MAX = 8 * 1024 * 1024,
	DAY_LAST = 157	/* days since 2026-01-01 of the newest order: 2026-06-07 */
};

static const char schema[] =
    "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE,\n"
    "  city TEXT NOT NULL, created_at TEXT NOT NULL);\n"
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id),\n"
    "  status TEXT NOT NULL CHECK (status IN ('new','paid','shipped','void')),\n"
    "  total NUMERIC NOT NULL, note TEXT, created_at TEXT NOT NULL);\n"
    "CREATE TABLE order_items (id INTEGER PRIMARY KEY,\n"
    "  order_id INTEGER NOT NULL REFERENCES orders(id) ON DELETE CASCADE,\n"
    "  article TEXT NOT NULL, quantity INTEGER NOT NULL CHECK (quantity > 0), price NUMERIC NOT NULL);\n"
    "CREATE TABLE payments (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders(id),\n"
    "  method TEXT NOT NULL, amount NUMERIC NOT NULL, paid_at TEXT NOT NULL);\n"
    "CREATE TABLE orders_log (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, old_status TEXT NOT NULL,\n"
    "  new_status TEXT NOT NULL, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);\n";

/* After the rows: building them is quicker so, and the triggers do not fire for them. */
static const char rules[] =
    "CREATE INDEX orders_customer ON orders(customer_id);\n"
    "CREATE INDEX orders_status ON orders(status);\n"
    "CREATE INDEX order_items_order ON order_items(order_id);\n"
    "CREATE INDEX payments_order ON payments(order_id);\n"
    "CREATE TRIGGER orders_audit AFTER UPDATE OF status ON orders WHEN old.status <> new.status BEGIN\n"
    "  INSERT INTO orders_log (order_id, old_status, new_status) VALUES (old.id, old.status, new.status);\n"
    "END;\n"
    "CREATE TRIGGER payments_kept BEFORE DELETE ON payments BEGIN\n"
    "  SELECT RAISE(ABORT, 'payments are never deleted; void the order instead');\n"
    "END;\n";

static const char *const firsts[] = {
	"Ada", "Bruno", "Chiara", "Dov", "Elif", "Fynn", "Greta", "Hamid", "Ines", "Joon", "Katya", "Linus",
	"Maël", "Nadia", "Otis", "Paula", "Quim", "Rosa", "Søren", "Tilda", "Umar", "Vera", "Wanda", "Ximena",
	"Yuki", "Zoë", "葵", "ماهر"
};
static const char *const lasts[] = {
	"Abendrot", "Birkenfeld", "Castellane", "Dunmore", "Eisvogel", "Farnworth", "Glimmer", "Halvorsen",
	"Ivarsson", "Jessamy", "Kestrel", "Lindqvist", "Moorland", "Nightingale", "Oakhurst", "Pellworm",
	"Quillfeather", "Rosenau", "Silberbach", "Thistlewood", "Umbra", "Varnholt", "Wexcombe", "Yarrow",
	"Zimtstern"
};
static const char *const cities[] = {
	"Aarbach", "Bellmare", "Corvin", "Dornfels", "Eastmere", "Fjordvik", "Grünau", "Havenport"
};
static const char *const articles[] = {
	"tea, green", "tea, black", "cup, blue", "cup, white", "pot, iron", "spoon, wood", "honey, lime tree",
	"biscuits, oat", "tin, small", "tin, large", "filter, paper", "kettle, steel", "book, \"Tea and rain\""
};
static const char *const methods[] = { "card", "card", "card", "transfer", "wallet" };

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* splitmix64: the same numbers on every machine */
static uint32_t
dice(uint64_t *seed, size_t sides)
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ (z >> 31)) % sides);
}

/* A moment in the first half of 2026, from a day of the year and a number below 86400. */
static void
put_time(struct buf *b, int day, uint32_t second)
{
	static const int months[] = { 31, 28, 31, 30, 31, 30 };
	int month = 0;

	while (month < 5 && day >= months[month])
		day -= months[month++];
	buf_putf(b, "'2026-%02d-%02d %02u:%02u:%02u'", month + 1, day + 1, second / 3600, second / 60 % 60, second % 60);
}

static void
put_customers(struct buf *b, uint64_t *seed)
{
	for (int id = 1; id <= CUSTOMERS; id++) {
		const char *first = firsts[dice(seed, COUNT(firsts))];
		const char *last = lasts[dice(seed, COUNT(lasts))];

		buf_putf(b, "INSERT INTO customers VALUES (%d,'%s %s','customer%03d@example.com','%s',", id, first, last,
		    id, cities[dice(seed, COUNT(cities))]);
		put_time(b, (int)dice(seed, 60), dice(seed, 86400));
		buf_puts(b, ");\n");
	}
}

/* Orders that the demonstration speaks of: paid at the bank, and the message about it was lost. */
struct fixed {
	int id;
	int cents;
	const char *note;	/* SQL */
};
static const struct fixed fixed[] = {
	{ 8, 10425, "NULL" },
	{ 12, 850, "'gift, no receipt'" },
	{ 17, 2219, "NULL" },
	/* what a stranger may write into a field: marks on the screen, never commands to it */
	{ 23, 4990, "'ring twice' || char(27) || '[2J' || char(8238) || 'daolnwod'" }
};

static const struct fixed *
fixed_of(int id)
{
	for (size_t i = 0; i < COUNT(fixed); i++)
		if (fixed[i].id == id)
			return &fixed[i];
	return NULL;
}

/* One to four items; returns the price of all. Ids run on in *item. */
static int
put_items(struct buf *b, uint64_t *seed, int order, int *item, int cents)
{
	int n = cents ? 1 : 1 + (int)dice(seed, 4), sum = 0;

	for (int i = 0; i < n; i++) {
		int quantity = cents ? 1 : 1 + (int)dice(seed, 3);
		int price = cents ? cents : 150 + 10 * (int)dice(seed, 480);

		buf_putf(b, "INSERT INTO order_items VALUES (%d,%d,'%s',%d,%d.%02d);\n", ++*item, order,
		    articles[dice(seed, COUNT(articles))], quantity, price / 100, price % 100);
		sum += quantity * price;
	}
	return sum;
}

static const char *
status_of(uint64_t *seed, int day)
{
	uint32_t n = dice(seed, 100);

	if (n < 6)
		return "void";
	if (day > DAY_LAST - 4)
		return n < 40 ? "paid" : "new";
	return n < 26 ? "new" : n < 40 ? "paid" : "shipped";
}

static void
put_orders(struct buf *b, uint64_t *seed)
{
	int item = 0, payment = 0;

	for (int id = 1; id <= ORDERS; id++) {
		const struct fixed *f = fixed_of(id);
		int day = (id - 1) * (DAY_LAST + 1) / ORDERS;
		const char *status = id > ORDERS_OLD ? status_of(seed, day) : f ? "new" : "shipped";
		uint32_t customer = 1 + dice(seed, CUSTOMERS), second = dice(seed, 80000);
		int cents = put_items(b, seed, id, &item, f ? f->cents : 0);
		bool paid = f || status[0] == 'p' || status[0] == 's';

		buf_putf(b, "INSERT INTO orders VALUES (%d,%u,'%s',%d.%02d,%s,", id, customer, status, cents / 100,
		    cents % 100, f ? f->note : "NULL");
		put_time(b, day, second);
		buf_puts(b, ");\n");
		if (!paid)
			continue;
		buf_putf(b, "INSERT INTO payments VALUES (%d,%d,'%s',%d.%02d,", ++payment, id,
		    methods[dice(seed, COUNT(methods))], cents / 100, cents % 100);
		put_time(b, day, second + 1 + dice(seed, 6000));
		buf_puts(b, ");\n");
	}
}

void
demo_shop_sql(struct buf *out)
{
	uint64_t seed = 20260608;

	buf_puts(out, "PRAGMA foreign_keys = OFF;\nBEGIN;\n");
	buf_puts(out, schema);
	put_customers(out, &seed);
	put_orders(out, &seed);
	buf_puts(out, rules);
	buf_puts(out, "COMMIT;\nANALYZE;\n");
}

static int
run(const char *path, const char *sql, struct err *e)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		err_set(e, ERR_DATABASE, "%s: the sample shop could not be made: %s", path,
		    db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
	sqlite3_close(db);
	return rc == SQLITE_OK ? 0 : ERR_DATABASE;
}

int
demo_shop_write(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), rc;
	struct buf sql;

	if (fd < 0 && errno == EEXIST)
		return err_set(e, ERR_EXISTS, "%s: is there already; choose another folder with --dir", path);
	if (fd < 0)
		return err_sys(e, "%s", path);
	close(fd);
	buf_init(&sql, SQL_MAX);
	demo_shop_sql(&sql);
	rc = run(path, buf_str(&sql), e);
	buf_fini(&sql);
	if (rc != 0)
		unlink(path);
	return rc;
}
