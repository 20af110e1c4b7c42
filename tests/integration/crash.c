/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Crash truth, the whole product: kill -9 of every process, and a cut of every link, at every step of a change, on every
 * engine. What the transcript says afterwards is what is in the database: a change that is there is never told as not there,
 * nor the other way round; unknown only where nobody can know, and then with what tells.
 * Each process (or link) has a worker of its own, which goes through all steps; the workers run beside each other. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/clock.h"

#include "crash_world.h"

enum { AT_ONCE = 26, WORKERS_MAX = 64 };

#ifdef TWOKEY_FAULTS
/* What a worker does: one victim on one engine through all steps. */
static int
work(enum crash_engine engine, enum crash_victim victim, unsigned index)
{
	struct CMUnitTest tests[CRASH_STEPS];
	struct crash_case cases[CRASH_STEPS];
	size_t n = 0;
	char name[80];
	int failed;

	for (int s = 0; s < CRASH_STEPS; s++) {
		cases[n] = (struct crash_case){ engine, victim, (enum crash_step)s, index * CRASH_STEPS + (unsigned)s + 1 };
		if (!crash_applies(&cases[n]))
			continue;
		tests[n] = (struct CMUnitTest){ crash_step_name((enum crash_step)s), crash_run, NULL, NULL, &cases[n] };
		n++;
	}
	snprintf(name, sizeof name, "%s, %s", crash_engine_name(engine), crash_victim_name(victim));
	crash_server_begin(engine, victim);
	failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
	crash_server_end();
	return failed == 0 ? 0 : 1;
}

struct worker {
	pid_t pid;
	enum crash_engine engine;
	enum crash_victim victim;
	char log[64];
};

static void
start(struct worker *w, enum crash_engine engine, enum crash_victim victim, unsigned index)
{
	char words[3][16];
	int fd;

	*w = (struct worker){ .engine = engine, .victim = victim, .log = "/tmp/twokey-crash-XXXXXX" };
	fd = mkstemp(w->log);
	assert_true(fd >= 0);
	snprintf(words[0], sizeof words[0], "%d", engine);
	snprintf(words[1], sizeof words[1], "%d", victim);
	snprintf(words[2], sizeof words[2], "%u", index);
	w->pid = fork();
	if (w->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execl("/proc/self/exe", "crash", "--worker", words[0], words[1], words[2], (char *)NULL);
		_exit(127);
	}
	close(fd);
}

static void
print_log(const char *path)
{
	char line[1024];
	FILE *f = fopen(path, "r");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		print_message("# %s", line);
	if (f != NULL)
		fclose(f);
}

/* Waits for any of them; the number of failed ones. */
static unsigned
reap(struct worker *w, size_t n)
{
	int status;
	pid_t pid = waitpid(-1, &status, 0);

	for (size_t i = 0; i < n; i++) {
		bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;

		if (w[i].pid != pid)
			continue;
		w[i].pid = 0;
		if (!good)
			print_log(w[i].log);
		unlink(w[i].log);
		print_message("# %s, %s: %s\n", crash_engine_name(w[i].engine), crash_victim_name(w[i].victim),
		    good ? "tells the truth at every step" : "NOT");
		return !good;
	}
	return 0;
}

static void
every_death_at_every_step_is_told_as_it_was(void **state)
{
	struct worker w[WORKERS_MAX];
	unsigned failed = 0, running = 0;
	size_t n = 0;

	(void)state;
	/* those that start a server of their own take longest */
	for (int v = CRASH_VICTIMS; v-- > 0;)
		for (int e = 0; e < CRASH_ENGINES; e++) {
			if (!crash_has((enum crash_engine)e, (enum crash_victim)v) || !crash_wanted((enum crash_engine)e, (enum crash_victim)v))
				continue;
			while (running >= AT_ONCE) {
				failed += reap(w, n);
				running--;
			}
			start(&w[n], (enum crash_engine)e, (enum crash_victim)v, (unsigned)n);
			n++;
			running++;
		}
	for (; running > 0; running--)
		failed += reap(w, n);
	assert_int_equal(failed, 0);
}
#else
static void
without_fault_points_no_step_can_be_hit(void **state)
{
	(void)state;
	skip();
}
#endif

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#ifdef TWOKEY_FAULTS
		cmocka_unit_test(every_death_at_every_step_is_told_as_it_was),
#else
		cmocka_unit_test(without_fault_points_no_step_can_be_hit),
#endif
	};

#ifdef TWOKEY_FAULTS
	if (argc == 5 && strcmp(argv[1], "--worker") == 0)
		return work((enum crash_engine)atoi(argv[2]), (enum crash_victim)atoi(argv[3]), (unsigned)atoi(argv[4]));
	return cmocka_run_group_tests_name("crash", tests, crash_servers_start, crash_servers_stop);
#else
	(void)argc, (void)argv;
	return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
#endif
}
