/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/gateway/config/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tests/unit/policy/gateway_case.h"

#define FOLDER_MAX 64

static char root[] = "/tmp/tollgate-test-config-XXXXXX";
static char names[FOLDER_MAX][64];
static size_t name_count;

static const struct {
	enum folder_section section;
	const char *text;
} sections[] = {
	{FOLDER_LISTENERS, "listeners: [{address: \"127.0.0.1:0\"}]\n"},
	{FOLDER_POLICY, "policy: {schema: g.cedarschema, files: p.cedar}\n"},
	{FOLDER_PRICES, "prices: {unpriced: allow}\n"},
	{FOLDER_UPSTREAMS, "upstreams: [{name: u, url: \"http://127.0.0.1:1\", provider: p}]\n"},
	{FOLDER_MODELS, "models: [{name: m, upstream: u, dialects: openai.chat}]\n"},
};

int folder_make(void **state)
{
	(void)state;
	if (mkdtemp(root) == NULL)
		return -1;
	folder_write("p.cedar", STR("permit (principal, action, resource);\n"));
	folder_write("g.cedarschema", str_from_c(gateway_case_schema));
	return 0;
}

int folder_drop(void **state)
{
	(void)state;
	for (size_t i = 0; i < name_count; i++)
		(void)unlink(folder_path(names[i]));
	return rmdir(root);
}

const char *folder_path(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % ARRAY_LEN(paths)];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
	return path;
}

static void remember(const char *name)
{
	for (size_t i = 0; i < name_count; i++)
		if (str_eq(str_from_c(names[i]), str_from_c(name)))
			return;
	assert_true(name_count < FOLDER_MAX);
	(void)snprintf(names[name_count++], sizeof(names[0]), "%s", name);
}

void folder_write(const char *name, struct str text)
{
	FILE *file = fopen(folder_path(name), "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
	assert_int_equal(fclose(file), 0);
	remember(name);
}

void folder_main(const char *first, unsigned own)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	assert_int_equal(buf_append(&text, str_from_c(first)), OK);
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		if ((own & sections[i].section) == 0)
			assert_int_equal(buf_append(&text, str_from_c(sections[i].text)), OK);
	folder_write("tollgate.yaml", buf_str(&text));
	buf_fini(&text);
}

const char *folder_message(const struct diag *diag)
{
	static char text[1200];
	size_t len = diag_print(diag, text, sizeof(text)), cut = strlen(root) + 1;

	assert_true(len < sizeof(text));
	for (char *at = strstr(text, root); at != NULL; at = strstr(text, root)) {
		memmove(at, at + cut, len - (size_t)(at - text) - cut + 1);
		len -= cut;
	}
	return text;
}
