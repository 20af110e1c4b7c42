/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the database is reached, in words: the same for the status row, the side panel, the log and the panes. */
#ifndef TWOKEY_SRC_CONSOLE_REACH_H
#define TWOKEY_SRC_CONSOLE_REACH_H

#include <stdint.h>

#include "twokey/console/screen.h"

struct buf;
struct lay;
struct model;
struct model_header;
struct model_hop;

/* "10 000" */
void	reach_count(struct buf *out, int64_t n);
/* "512 B", "16 MiB" */
void	reach_bytes(struct buf *out, int64_t n);
/* "900 ms", "30 s", "5 min" */
void	reach_span(struct buf *out, int64_t ms);
/* "PostgreSQL 15.20", "sqlite 3.40.1": the version, which may bring the name with it, without where it was built. */
void	reach_server(const struct model_header *h, struct buf *out);
/* "primary", "replica, 3.2 s behind"; nothing for an engine that has neither. */
enum screen_look reach_standing(const struct model_header *h, struct buf *out);
/* "encrypted", "NOT ENCRYPTED, leaves this host"; nothing for a file. */
enum screen_look reach_encryption(const struct model_header *h, struct buf *out);
/* "statement 30 s, lock 2 s, 10 000 rows, 16 MiB"; nothing when none was said. */
void	reach_limits(const struct model_header *h, struct buf *out);
/* "owner, write", the names of a set of 1 << enum excess. */
void	reach_kinds(uint64_t set, struct buf *out);
/* "30 s, lock 2 s, 10 000 rows", where there is little room. */
enum screen_look reach_limits_short(const struct model_header *h, struct buf *out);
/* "refused: superuser  accepted: owner  shown: name"; nothing when there is nothing. */
enum screen_look reach_account(const struct model_header *h, struct buf *out);
/* How a hop looks: open, on its way, gone. */
enum screen_look reach_hop_look(const struct model_hop *h);
/* "open 38.0 ms", "lost (silent)" */
void	reach_hop(const struct model_hop *h, struct buf *out);
/* "tunnel open 38.0 ms", or the hop that is not open; nothing without a tunnel. */
enum screen_look reach_tunnel(const struct model_header *h, struct buf *out);

/* The whole of it, laid out for a pane: what the account may do; the hops. */
void	reach_lay_account(const struct model *m, struct lay *l);
void	reach_lay_tunnel(const struct model *m, struct lay *l);

#endif
