#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs a test script with a hard time limit: a hung test is a failed one.
exec timeout -k 10 "${TEST_SECONDS:-600}" "$@"
