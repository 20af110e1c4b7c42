/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TWOKEY_SRC_CONSOLE_SHEET_PRIV_H
#define TWOKEY_SRC_CONSOLE_SHEET_PRIV_H

struct lay;
struct model_entry;

/* The sample of a sheet: columns "c" and "c (new)" become one column "c: before -> after". */
void	sheet_sample(struct lay *l, const struct model_entry *e);

#endif
