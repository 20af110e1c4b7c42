/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where tests put what they make. */
#ifndef TESTS_LIB_FOLDER_H
#define TESTS_LIB_FOLDER_H

#include <stddef.h>

/* The template of mkdtemp for a folder of that name: in memory where there is room for it, because the files of database
 * servers are many and nobody reads them after the test; else in /tmp. */
void	test_folder(char *path, size_t size, const char *name);

#endif
