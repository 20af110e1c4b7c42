/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

int64_t
clock_wall_us(void)
{
	struct timespec ts;

	must(clock_gettime(CLOCK_REALTIME, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_mono_ms(void)
{
	struct timespec ts;

	must(clock_gettime(CLOCK_BOOTTIME, &ts) == 0);	/* it goes on while the host sleeps */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
clock_format(int64_t wall_us, char out[CLOCK_TEXT])
{
	time_t s = (time_t)(wall_us / 1000000);
	unsigned us = (unsigned)(wall_us % 1000000) % 1000000;
	struct tm tm;
	char day[24];

	must(wall_us >= 0 && gmtime_r(&s, &tm) != NULL && tm.tm_year < 8100);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, CLOCK_TEXT, "%.19s.%06uZ", day, us);
}

/* n decimal digits at s, -1 when one is none. */
static int
number(const char *s, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v;
}

int
clock_parse(const char *s, size_t n, int64_t *wall_us)
{
	struct tm tm = { 0 }, again;
	time_t t;
	int us = 0;

	if (n != 20 && n != 27)
		return ERR_INVALID;
	if (s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' ||
	    s[n - 1] != 'Z' || (n == 27 && s[19] != '.'))
		return ERR_INVALID;
	tm.tm_year = number(s, 4) - 1900;
	tm.tm_mon = number(s + 5, 2) - 1;
	tm.tm_mday = number(s + 8, 2);
	tm.tm_hour = number(s + 11, 2);
	tm.tm_min = number(s + 14, 2);
	tm.tm_sec = number(s + 17, 2);
	if (n == 27)
		us = number(s + 20, 6);
	if (tm.tm_year < 70 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 ||
	    tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 ||
	    tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60 || us < 0)
		return ERR_INVALID;
	t = timegm(&tm);
	/* 30 February and second 60 come back as other numbers */
	if (gmtime_r(&t, &again) == NULL || again.tm_mday != number(s + 8, 2) || again.tm_sec != number(s + 17, 2))
		return ERR_INVALID;
	*wall_us = (int64_t)t * 1000000 + us;
	return 0;
}
