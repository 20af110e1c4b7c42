/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The requests of a training, on the tables of the sample shop. */
#include "config.h"

#include "train.h"

#include <stdio.h>

#include "twokey/base/digest.h"

/* $1, $2, $3: numbers of three rows that there are. */
struct pattern {
	const char *sql, *rows, *reason, *wrong;
};

static const struct pattern right[] = {
	{ "update orders set note = 'call before delivery' where id = $1", "= 1", "order $1: the customer asks for a call before delivery", NULL },
	{ "update customers set city = 'Havenport' where id = $1", "= 1", "customer $1 moved to Havenport", NULL },
	{ "update orders set note = 'gift, no receipt' where id in ($1, $2, $3)", "= 3", "orders $1, $2 and $3 are gifts, no receipt", NULL },
	{ "update orders set status = 'shipped' where id = $1", "= 1", "order $1 left the house today", NULL },
	{ "update orders set status = 'void' where id in ($1, $2)", "= 2", "orders $1 and $2 were cancelled by their customer", NULL },
};

static const struct pattern wrong[] = {
	{ "update orders set status = 'void' where id = $2", "= 1", "order $1 was cancelled by its customer",
	    "another order than the reason names" },
	{ "update customers set city = 'Corvin' where id = $1", "= 1", "order $1: the note for the parcel is Corvin",
	    "another table: the reason speaks of an order, it changes a customer" },
	{ "update orders set status = 'paid' where status = 'new'", "", "order $1 was paid at the bank, the message was lost",
	    "another count: one order is meant, all new ones are changed" },
	{ "update orders set note = 'gift, no receipt' where id > 0", "", "order $1 is a gift, no receipt",
	    "its WHERE is as good as none" },
	{ "update orders set status = 'void' where id = $1 or status = 'new'", "", "order $1 was entered twice",
	    "an OR takes in orders that nobody spoke of" },
	{ "delete from order_items where order_id = $1", "", "order $1 was entered twice: its line in orders goes",
	    "a table with a similar name: order_items is not orders" },
	{ "update orders set total = 0 where id = $1", "= 1", "order $1: its note is out of date and goes",
	    "another column: the total, not the note" },
	{ "update customers set city = 'Eastmere' where id <> $1", "", "customer $1 moved to Eastmere",
	    "<> instead of =: everybody but the one who is meant" },
};

enum { RIGHT = sizeof right / sizeof right[0], WRONG = sizeof wrong / sizeof wrong[0], IDS_FROM = 30, IDS = 350 };	/* 400 customers, 2000 orders */

static unsigned
dice(unsigned sides)
{
	unsigned char b[4];

	random_bytes(b, sizeof b);
	return ((unsigned)b[0] << 16 | (unsigned)b[1] << 8 | b[2]) % sides;
}

static void
put(char *out, size_t size, const char *text, const unsigned id[3])
{
	size_t n = 0;

	for (; *text != '\0' && n + 1 < size; text++) {
		if (text[0] == '$' && text[1] >= '1' && text[1] <= '3')
			n += (size_t)snprintf(out + n, size - n, "%u", id[*++text - '1']);
		else
			out[n++] = *text;
	}
	out[n < size ? n : size - 1] = '\0';
}

static void
fill(struct train_request *r, const struct pattern *p)
{
	unsigned id[3] = { IDS_FROM + dice(IDS / 3), 1 + dice(IDS / 3), 1 + dice(IDS / 3) };

	id[1] += id[0];		/* three different ones */
	id[2] += id[1];
	*r = (struct train_request){ .wrong = p->wrong, .read_us = -1 };
	put(r->sql, sizeof r->sql, p->sql, id);
	put(r->reason, sizeof r->reason, p->reason, id);
	snprintf(r->rows, sizeof r->rows, "%s", p->rows);
}

void
train_script(struct train_request *v, size_t n)
{
	size_t bad = n / 3, first = dice(WRONG);

	for (size_t i = 0; i < n; i++)
		fill(&v[i], i < bad ? &wrong[(first + i) % WRONG] : &right[dice(RIGHT)]);
	for (size_t i = n - 1; i > 0; i--) {
		size_t k = dice((unsigned)i + 1);
		struct train_request t = v[i];

		v[i] = v[k];
		v[k] = t;
	}
}
