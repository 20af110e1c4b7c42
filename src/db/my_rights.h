/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rights of an account of MariaDB or MySQL, summed up as findings of the audit. */
#ifndef DB_MY_RIGHTS_H
#define DB_MY_RIGHTS_H

#include "twokey/db/driver.h"

struct my_rights;

/* database: the one of the session; account: "name@host" as CURRENT_USER() says it. */
struct my_rights *my_rights_begin(const char *database, const char *account);
/* One line of SHOW GRANTS. */
void	my_rights_line(struct my_rights *r, const char *line);
/* A database that the account can see; behind the lines. */
void	my_rights_sees(struct my_rights *r, const char *database);
void	my_rights_add(struct my_rights *r, enum excess kind, const char *object, const char *what, const char *via);
/* A role that was given to the account itself: name and host ("" on MariaDB); false behind the last one. */
bool	my_rights_role(const struct my_rights *r, size_t i, const char **name, const char **host);
/* Writes the findings and frees. */
void	my_rights_end(struct my_rights *r, struct db_audit *a);

#endif
