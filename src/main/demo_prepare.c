/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every private broker with a sample database begins and ends with. */
#include "config.h"

#include "demo.h"

#include <langinfo.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/err.h"

#include "programs.h"

void
demo_fix_locale(void)
{
	if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
		return;
	unsetenv("LC_ALL");
	setenv("LC_CTYPE", "C.UTF-8", 1);
}

int
demo_person(struct demo *d, struct err *e)
{
	const struct passwd *pw = getpwuid(getuid());

	if (!pw)
		return err_set(e, ERR_SYSTEM, "user id %lu has no login name; the broker knows people by theirs",
		    (unsigned long)getuid());
	d->login = pw->pw_name;
	return 0;
}

static int
make_shop(const struct demo *d, struct err *e)
{
	char *shop = demo_path(d, "shop.db");
	const char *argv[] = { d->twokeyd, "--make-demo", shop, NULL };
	int status = demo_run(argv, e);

	free(shop);
	if (status > 0)
		return err_set(e, ERR_SYSTEM, "%s could not make the sample shop", d->twokeyd);
	return status;
}

int
demo_prepare(struct demo *d, const char *dir, struct err *e)
{
	int rc = demo_person(d, e);

	if (rc == 0)
		rc = programs_find(&d->twokey, &d->twokeyd, e);
	if (rc == 0)
		rc = demo_folder(d, dir, e);
	if (rc == 0 && !d->dsn)
		rc = make_shop(d, e);
	if (rc == 0)
		rc = demo_write_config(d, e);
	if (rc == 0)
		rc = demo_broker_start(d, e);
	if (rc == 0)
		rc = demo_ticket_accept(d, e);
	return rc;
}

void
demo_print_end(const struct demo *d)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char *transcript = demo_transcript(d);

	if (transcript) {
		printf("\nThe transcript: %s\n", transcript);
		printf("    %s verify %s\n", d->twokey, transcript);
		printf("    %s replay %s\n", d->twokey, transcript);
		printf("    %s show %s\n", d->twokey, transcript);
	}
	printf("Everything of this %s is in %s\n", d->train ? "training" : "demo", d->dir);
	if (runtime && runtime[0] && strncmp(d->dir, runtime, strlen(runtime)) == 0)
		printf("(a folder that goes when you log out)\n");
	free(transcript);
}

void
demo_free(struct demo *d)
{
	demo_dsn_free(d->dsn);
	free(d->dir);
	free(d->twokey);
	free(d->twokeyd);
}
