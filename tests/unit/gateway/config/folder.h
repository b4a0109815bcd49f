/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of configuration files for one test: good by default, with what the
 * test changes put in front.
 *
 * Owns:    the folder below /tmp, removed by folder_drop.
 * Threads: one.
 * Limits:  64 files.
 */
#ifndef TESTS_UNIT_GATEWAY_CONFIG_FOLDER_H
#define TESTS_UNIT_GATEWAY_CONFIG_FOLDER_H

#include "gateway/config/config.h"

/* Sections of the main file that folder_main leaves to the test. */
enum folder_section {
	FOLDER_LISTENERS = 1,
	FOLDER_POLICY = 2,
	FOLDER_PRICES = 4,
	FOLDER_UPSTREAMS = 8,
	FOLDER_MODELS = 16,
	FOLDER_ALL = 31,
};

/* A group's setup and teardown. */
int folder_make(void **state);
int folder_drop(void **state);
/* The path of a file in the folder; good until the eighth call after this one. */
const char *folder_path(const char *name);
void folder_write(const char *name, struct str text);
/* tollgate.yaml: first, then a good version of each section but those of `own`. */
void folder_main(const char *first, unsigned own);
/* diag as people see it, the folder taken out of it. */
const char *folder_message(const struct diag *diag);

#endif
