/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "db_my.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "twokey/base/secret.h"

static struct mariadb_server *server;
static char *last;
static char folder[64];
static char fingerprint[64];

static const char tables[] =
	"CREATE TABLE customers (id int PRIMARY KEY, name varchar(40) NOT NULL, email text);"
	"CREATE TABLE orders (id int PRIMARY KEY, customer_id int, state varchar(10) CHECK (state <> 'bad'), total int,"
	" CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE ON UPDATE CASCADE);"
	"CREATE TABLE items (order_id int, line int, what text, PRIMARY KEY (order_id, line),"
	" CONSTRAINT items_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE);"
	"CREATE TABLE audit (what text);"
	"CREATE TABLE nokey (a int); INSERT INTO nokey VALUES (1), (1);"
	"CREATE TABLE flat (id int PRIMARY KEY, a int) ENGINE=MyISAM; INSERT INTO flat VALUES (1, 1), (2, 1);"
	"CREATE SEQUENCE numbers;"
	"CREATE TRIGGER orders_audit AFTER UPDATE ON orders FOR EACH ROW INSERT INTO audit VALUES (new.id);"
	"CREATE VIEW loud AS SELECT id, upper(name) AS name FROM customers;"
	"CREATE VIEW louder AS SELECT * FROM loud;"
	"INSERT INTO customers VALUES (1, 'Ada', 'a@example.com'), (2, 'Bob', NULL), (3, 'Cy', NULL), (4, 'Di', NULL);"
	"INSERT INTO orders VALUES (10, 1, 'open', 5), (11, 1, 'open', 7), (12, 2, 'open', 9), (13, 3, 'done', 1);"
	"INSERT INTO items VALUES (10, 1, 'x'), (10, 2, 'y'), (11, 1, 'z')";

/* An authority, another one, and a certificate of db.example.com by the first. */
static int
make_certificates(void)
{
	static const char make[] =
		"cd %s && exec >log 2>&1 && for n in ca other; do openssl req -x509 -newkey rsa:2048 -nodes -days 30"
		" -subj /CN=$n -keyout $n.key -out $n.pem || exit 1; done; openssl req -newkey rsa:2048 -nodes -subj /CN=x"
		" -keyout server.key -out server.csr && printf 'subjectAltName=DNS:db.example.com' > ext &&"
		" openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out server.pem &&"
		" openssl x509 -in server.pem -noout -fingerprint -sha1 | sed 's/.*=//; s/://g' > print && chmod a+r *";
	char command[1200], path[96];
	FILE *f;

	strcpy(folder, "/tmp/twokey-tls-XXXXXX");
	if (mkdtemp(folder) == NULL || chmod(folder, 0755) != 0)
		return -1;
	snprintf(command, sizeof command, make, folder);
	if (system(command) != 0)
		return -1;
	snprintf(path, sizeof path, "%s/print", folder);
	f = fopen(path, "r");
	if (f == NULL || fscanf(f, "%60s", fingerprint) != 1)
		return -1;
	return fclose(f);
}

int
my_shop_server(void **state)
{
	char ca[96], cert[96], key[96];
	const char *more[] = { "--secure-file-priv=", "--local-infile=1", ca, cert, key, NULL };
	char *made;
	bool ok;

	(void)state;
	if (make_certificates() != 0)
		return -1;
	snprintf(ca, sizeof ca, "--ssl-ca=%s/ca.pem", folder);
	snprintf(cert, sizeof cert, "--ssl-cert=%s/server.pem", folder);
	snprintf(key, sizeof key, "--ssl-key=%s/server.key", folder);
	server = mariadb_server_start(more);
	if (server == NULL)
		return -1;
	made = mariadb_server_sql(server, NULL, "CREATE USER ben@localhost IDENTIFIED BY 'sesame-77';"
	    "CREATE USER ben@'127.0.0.1' IDENTIFIED BY 'sesame-77'; GRANT ALL ON shop.* TO ben@localhost;"
	    "GRANT ALL ON shop.* TO ben@'127.0.0.1'; GRANT FILE ON *.* TO ben@localhost");
	ok = strncmp(made, "error:", 6) != 0;
	if (!ok)
		print_error("%s\n", made);
	free(made);
	return ok ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

int
my_shop_server_end(void **state)
{
	(void)state;
	mariadb_server_stop(server);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(last);
	last = NULL;
	return 0;
}

const struct mariadb_server *
my_shop_server_of(void)
{
	return server;
}

const char *
my_shop_certificates(void)
{
	return folder;
}

const char *
my_shop_fingerprint(void)
{
	return fingerprint;
}

static const char *
run_sql(const char *database, const char *sql)
{
	free(last);
	last = mariadb_server_sql(server, database, sql);
	if (strncmp(last, "error:", 6) == 0)
		fail_msg("%s: %s", sql, last);
	return last;
}

const char *
my_shop_sql(const char *sql)
{
	return run_sql("shop", sql);
}

int
my_shop_setup(void **state)
{
	static struct secret *password;
	struct my_shop *s = calloc(1, sizeof *s);

	if (password == NULL)
		password = secret_create("sesame-77", 9);
	run_sql(NULL, "DROP DATABASE IF EXISTS shop; CREATE DATABASE shop");
	my_shop_sql(tables);
	s->target = (struct db_target){ .engine = SQL_MARIADB, .socket = mariadb_server_socket(server), .database = "shop",
	    .user = "ben", .password = password, .statement_timeout_ms = 30000, .lock_timeout_ms = 1000, .tag = "s1" };
	bench_open(&s->b, &s->target);
	s->b.ctx = s;
	*state = s;
	return 0;
}

int
my_shop_teardown(void **state)
{
	struct my_shop *s = *state;

	bench_close(&s->b);
	free(s);
	return 0;
}
