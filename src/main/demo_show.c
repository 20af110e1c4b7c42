/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Both consoles on one terminal by tmux, or the driver's here and a command for a second terminal. */
#include "config.h"

#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"

#include "cmd.h"

/* A console wants 80 columns and 24 rows; a border or a status line takes one more. */
enum { WIDE = 161, TALL = 50, ROOM_FOR_LINE = 25, STEP_MS = 50, ARGS_MAX = 32 };

enum layout { LAYOUT_BESIDE, LAYOUT_BELOW, LAYOUT_WINDOWS };

static enum layout
layout_of(const struct winsize *size)
{
	if (size->ws_col >= WIDE)
		return LAYOUT_BESIDE;
	return size->ws_row >= TALL ? LAYOUT_BELOW : LAYOUT_WINDOWS;
}

static const char conf_common[] =
    "set -g default-terminal tmux-256color\n"
    "set -g default-shell /bin/sh\n"
    "set -g escape-time 20\n"
    "set -g mouse off\n"
    "set -g remain-on-exit off\n"
    "set -g exit-empty on\n"
    "set -g prefix None\n"
    "set -g prefix2 None\n"
    "set -g set-titles off\n"
    "set -g bell-action any\n"
    "unbind -a\n";
static const char conf_panes[] =
    "set -g status off\n"
    "set -g pane-border-format ' #{?pane_active,>,} #{@who}   F12: the other console '\n"
    "bind -n F12 select-pane -t :.+\n";
static const char conf_windows[] =
    "set -g status off\n"
    "set -g status-left ''\n"
    "set -g status-right 'F12: the other console '\n"
    "set -g status-right-length 30\n"
    "set -g window-status-format ' #W#{?window_bell_flag, (waits),} '\n"
    "set -g window-status-current-format '[#W]'\n"
    "bind -n F12 next-window \\; display-message -d 2000 'this is: #W   F12: the other console'\n";

/* In a pane: the console, and a chance to read why it failed; the driver's end is the end. */
static const char run_driver[] =
    "\"$@\" || { printf '\\nThis console ended with exit %s. Enter ends the demo. ' $?; read -r line; }\n"
    "exec tmux -S \"$0\" kill-server";
static const char run_second[] =
    "\"$@\" || { printf '\\nThis console ended with exit %s. Enter closes it. ' $?; read -r line; }";

struct shown {
	struct demo *d;
	char *socket;		/* the broker's */
	char *tmux_socket;
	char *tmux_conf;
	struct winsize size;
	enum layout layout;
};

static int
write_conf(const struct shown *s, struct err *e)
{
	struct buf b;
	int rc;

	buf_init(&b, 8192);
	buf_puts(&b, conf_common);
	buf_puts(&b, s->layout == LAYOUT_WINDOWS ? conf_windows : conf_panes);
	if (s->size.ws_row >= ROOM_FOR_LINE)
		buf_puts(&b, s->layout == LAYOUT_WINDOWS ? "set -g status on\n" : "set -g pane-border-status top\n");
	rc = io_write_file(s->tmux_conf, 0600, buf_data(&b), buf_len(&b), e);
	buf_fini(&b);
	return rc;
}

/* Runs tmux on the demo's own server; words end with NULL. */
static int
tmux(const struct shown *s, struct err *e, const char *const *words)
{
	const char *argv[ARGS_MAX] = { "tmux", "-u", "-S", s->tmux_socket, "-f", s->tmux_conf };
	size_t n = 6;

	while (*words && n < ARGS_MAX - 1)
		argv[n++] = *words++;
	argv[n] = NULL;
	return demo_run(argv, e);
}

static int
tmux_driver(const struct shown *s, struct err *e)
{
	char cols[16], rows[16];
	const char *first[] = { "new-session", "-d", "-x", cols, "-y", rows, "-s", "demo", "-n", "driver ben", "--", "sh", "-c",
	    run_driver, s->tmux_socket, s->d->twokey, "open", "--broker", s->socket, "--as", "ben", "DEMO-1", NULL };
	const char *who[] = { "set-option", "-p", "-t", "demo:0.0", "@who", "driver ben", NULL };

	snprintf(cols, sizeof(cols), "%u", s->size.ws_col);
	snprintf(rows, sizeof(rows), "%u", s->size.ws_row);
	if (tmux(s, e, first) != 0)
		return err_set(e, ERR_SYSTEM, "tmux could not start; try --no-tmux");
	tmux(s, e, who);
	return 0;
}

static void
tmux_second(const struct shown *s, struct err *e)
{
	const char *command[] = { "--", "sh", "-c", run_second, "second", s->d->twokey, "join", "--broker", s->socket,
	    "--as", "anna", "DEMO-1", NULL };
	const char *pane[] = { "split-window", "-d", s->layout == LAYOUT_BESIDE ? "-h" : "-v", "-t", "demo:0.0", "-l", "50%", NULL };
	const char *window[] = { "new-window", "-d", "-t", "demo", "-n", "second seat anna", NULL };
	const char *who[] = { "set-option", "-p", "-t", "demo:0.1", "@who", "second seat anna", NULL };
	const char *hint[] = { "display-message", "-d", "5000", "the second seat is there   F12: to it and back", NULL };
	const char **where = s->layout == LAYOUT_WINDOWS ? window : pane, *words[ARGS_MAX] = { NULL };
	size_t n = 0;

	for (const char **w = where; *w; w++)
		words[n++] = *w;
	for (const char **w = command; *w; w++)
		words[n++] = *w;
	tmux(s, e, words);
	tmux(s, e, s->layout == LAYOUT_WINDOWS ? hint : who);
}

/* Attached: the second console comes as soon as there is a session that it can join. */
static int
tmux_attach(const struct shown *s, struct err *e)
{
	const char *argv[] = { "tmux", "-u", "-S", s->tmux_socket, "-f", s->tmux_conf, "attach-session", "-t", "demo", ";",
	    "set-option", "-g", "destroy-unattached", "on", NULL };
	const char *kill_server[] = { "kill-server", NULL };
	pid_t client = demo_start(argv, e);
	bool second = false;

	if (client < 0)
		return (int)client;
	while (!second && !demo_signal() && waitpid(client, NULL, WNOHANG) == 0) {
		second = demo_session_is_there(s->d);
		if (second)
			tmux_second(s, e);
		else
			demo_pause(STEP_MS);
	}
	if (demo_signal())
		kill(client, SIGTERM);
	demo_wait(client);
	if (access(s->tmux_socket, F_OK) == 0 && freopen("/dev/null", "w", stderr))
		tmux(s, e, kill_server);
	return 0;
}

static int
show_tmux(struct shown *s, struct err *e)
{
	int rc = write_conf(s, e);

	unsetenv("TMUX");
	if (rc == 0)
		rc = tmux_driver(s, e);
	if (rc == 0)
		rc = tmux_attach(s, e);
	return rc;
}

static void
put_quoted(const char *s)
{
	putchar('\'');
	for (; *s; s++)
		if (*s == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*s);
	putchar('\'');
}

static void
print_command(const struct shown *s, const char *command, const char *person)
{
	printf("    %s", s->d->dsn ? "" : "TWOKEY_COACH=1 ");
	put_quoted(s->d->twokey);
	printf(" %s --broker ", command);
	put_quoted(s->socket);
	printf(" --as %s DEMO-1\n", person);
	fflush(stdout);
}

/* Until a line or the end of standard input; false when a signal came. */
static bool
wait_line(bool whole)
{
	char c;

	while (!demo_signal()) {
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n == 0 || (n < 0 && errno != EINTR) || (n == 1 && c == '\n' && !whole))
			break;
	}
	return !demo_signal();
}

static int
show_plain(struct shown *s, struct err *e)
{
	const char *argv[] = { s->d->twokey, "open", "--broker", s->socket, "--as", "ben", "DEMO-1", NULL };

	printf("The second seat, in a second terminal, once the driver's console is up:\n");
	print_command(s, "join", "anna");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		printf("This is no terminal. The driver's console:\n");
		print_command(s, "open", "ben");
		printf("The demo ends when its standard input does.\n");
		fflush(stdout);
		wait_line(true);
		return 0;
	}
	printf("Enter starts the driver's console here. ");
	fflush(stdout);
	return wait_line(false) ? demo_run(argv, e) : 0;
}

int
demo_show(struct demo *d)
{
	struct shown s = { .d = d, .size = { .ws_row = 24, .ws_col = 80 } };
	struct err e = { .text = "" };
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	int rc;

	s.socket = demo_path(d, "broker.sock");
	s.tmux_socket = demo_path(d, "tmux.sock");
	s.tmux_conf = demo_path(d, "tmux.conf");
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &s.size);
	s.layout = layout_of(&s.size);
	/* the coach speaks of the sample shop: on another database it keeps quiet */
	if (d->dsn)
		unsetenv("TWOKEY_COACH");
	else
		setenv("TWOKEY_COACH", "1", 1);
	rc = d->tmux && terminal ? show_tmux(&s, &e) : show_plain(&s, &e);
	free(s.socket);
	free(s.tmux_socket);
	free(s.tmux_conf);
	return rc < 0 ? cmd_fail(&e) : rc;
}
