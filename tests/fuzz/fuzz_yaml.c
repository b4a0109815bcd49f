/* SPDX-License-Identifier: Apache-2.0 */
/* Text of tollgate.yaml through the YAML reader and, by the name of each section, the option
 * reader; and as keys.yaml. A refusal says why and where, within the text. */
#include "tests/fuzz/fuzz.h"

#include "gateway/config/keys.h"

#define FUZZ_ARENA_BYTES (64U << 20)

/* Large enough for any section's struct. */
union target {
	struct config_raw raw;
	struct config_raw_listener listener;
	struct config_raw_issuer issuer;
	struct upstream_options upstream;
	struct model_options model;
};

static const struct {
	struct str name;
	enum option_section section;
	bool is_list;
} sections[] = {
	{STR("gateway"), OPTION_GATEWAY, false},   {STR("listeners"), OPTION_LISTENER, true},
	{STR("admin"), OPTION_ADMIN, false},	   {STR("limits"), OPTION_LIMITS, false},
	{STR("identity"), OPTION_IDENTITY, false}, {STR("issuers"), OPTION_ISSUER, true},
	{STR("policy"), OPTION_POLICY, false},	   {STR("prices"), OPTION_PRICES, false},
	{STR("ledger"), OPTION_LEDGER, false},	   {STR("journal"), OPTION_JOURNAL, false},
	{STR("upstreams"), OPTION_UPSTREAM, true}, {STR("models"), OPTION_MODEL, true},
};

static void check_refusal(enum err err, const struct diag *diag, struct str text)
{
	if (err == OK)
		return;
	ASSERT(diag->text[0] != '\0');
	ASSERT(diag->line <= text.len + 1);
}

static void read_one(struct option_reader *reader, enum option_section section,
		     const struct config_yaml *map)
{
	union target target = {0};

	*reader->diag = (struct diag){0};
	reader->fault_count = 0;
	check_refusal(option_read(reader, section, map, &target), reader->diag, reader->text);
}

static void read_section(struct option_reader *reader, enum option_section section, bool is_list,
			 const struct config_yaml *node)
{
	if (!is_list) {
		read_one(reader, section, node);
		return;
	}
	for (const struct config_yaml *item = node->first; item != NULL; item = item->next)
		read_one(reader, section, item);
}

static void read_document(struct option_reader *reader, const struct config_yaml *root)
{
	const struct apikey_row *rows = NULL;
	size_t count = 0;

	for (size_t i = 0; root->kind == CONFIG_YAML_MAP && i < ARRAY_LEN(sections); i++) {
		const struct config_yaml *node = config_yaml_get(root, sections[i].name);

		if (node != NULL)
			read_section(reader, sections[i].section, sections[i].is_list, node);
	}
	*reader->diag = (struct diag){0};
	reader->fault_count = 0;
	check_refusal(config_keys_read(reader, root, &rows, &count), reader->diag, reader->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	const struct config_yaml *root = NULL;
	struct diag diag = {0};
	struct arena arena;
	struct option_reader reader = {
		.arena = &arena,
		.file = "fuzz",
		.text = text,
		.folder = STR("/nonexistent"),
		.diag = &diag,
	};
	enum err err;

	arena_init(&arena, 4096, FUZZ_ARENA_BYTES);
	err = config_yaml_parse(&arena, "fuzz", text, &diag, &root);
	check_refusal(err, &diag, text);
	if (err == OK)
		read_document(&reader, root);
	else
		ASSERT(root == NULL);
	arena_fini(&arena);
	return 0;
}
