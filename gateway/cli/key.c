/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/key.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "gateway/cli/args.h"
#include "gateway/cli/keyfile.h"
#include "gateway/config/file.h"
#include "gateway/config/keys.h"
#include "gateway/identity/apikey.h"

#define FIELDS_BYTES	65536
#define ID_RANDOM_BYTES 6
#define ID_LEN		(2 + 2 * ID_RANDOM_BYTES) /* "k_" and hexadecimal */
#define LIST_MAX	64
#define ARENA_BYTES	(256U * 1024U * 1024U)

static const char usage[] =
	"usage: tollgate key create --bu BU --name NAME [--kind user|service] [--team TEAM]\n"
	"                           [--project PROJECT] [--role ROLE]... [--group GROUP]...\n"
	"                           [--scope SCOPE]... [--attribute NAME=VALUE]...\n"
	"                           [--expires 90d|2027-01-01|never] [--file FILE]\n"
	"                           [--format text|json]\n"
	"       tollgate key list [--file FILE] [--format table|json|csv]\n"
	"       tollgate key revoke ID [--file FILE]\n"
	"\n"
	"create shows the new key once, on stdout; FILE (keys.yaml) keeps only its SHA-256.\n"
	"An attribute's VALUE is a number, true, false, text, or a set: trainings=[gdpr,ai-act].\n"
	"A running gateway takes changes over when it reloads (SIGHUP or POST /admin/reload).\n";

struct words {
	struct str items[LIST_MAX];
	size_t count;
};

struct key_options {
	const char *file;
	struct str format;
	struct str id; /* operand of revoke */
	struct str name, kind, bu, team, project, expires;
	struct words roles, groups, scopes, attributes;
};

/* ---- options ---- */

static int add_word(const struct args *args, struct words *words, struct str word)
{
	if (words->count == LIST_MAX)
		return args_fail(args, STR_FMT ": more than %d times", STR_ARG(args->option),
				 LIST_MAX);
	words->items[words->count++] = word;
	return EXIT_CODE_FINE;
}

static int take_option(struct args *args, struct str name, struct key_options *options)
{
	const struct {
		struct str name;
		struct str *text;
		struct words *words;
	} rows[] = {
		{STR("name"), &options->name, NULL},
		{STR("kind"), &options->kind, NULL},
		{STR("bu"), &options->bu, NULL},
		{STR("team"), &options->team, NULL},
		{STR("project"), &options->project, NULL},
		{STR("expires"), &options->expires, NULL},
		{STR("format"), &options->format, NULL},
		{STR("role"), NULL, &options->roles},
		{STR("group"), NULL, &options->groups},
		{STR("scope"), NULL, &options->scopes},
		{STR("attribute"), NULL, &options->attributes},
	};
	struct str value;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!str_eq(rows[i].name, name))
			continue;
		if (!args_value(args, &value))
			return EXIT_CODE_USAGE;
		if (!str_is_utf8(value))
			return args_fail(args, "--" STR_FMT " is not UTF-8", STR_ARG(name));
		if (rows[i].words != NULL)
			return add_word(args, rows[i].words, value);
		*rows[i].text = value;
		return EXIT_CODE_FINE;
	}
	return args_unknown(args, args->option);
}

static int parse_options(struct args *args, bool wants_id, struct key_options *options)
{
	struct str word;
	struct str value;
	int code = EXIT_CODE_FINE;

	for (enum args_word kind = args_next(args, &word);
	     kind != ARGS_END && code == EXIT_CODE_FINE;
	     kind = code == EXIT_CODE_FINE ? args_next(args, &word) : ARGS_END) {
		if (kind == ARGS_OPERAND) {
			if (!wants_id || str_is_set(options->id))
				return args_unknown(args, word);
			options->id = word;
		} else if (str_eq(word, STR("file"))) {
			if (!args_value(args, &value))
				return EXIT_CODE_USAGE;
			options->file = value.ptr;
		} else {
			code = take_option(args, word, options);
		}
	}
	return code;
}

/* ---- writing values ---- */

/* Plain when no YAML reader could take it for anything but this text. */
static bool is_plain(struct str text)
{
	static const char *const words[] = {"true", "false", "null", "yes", "no",
					    "on",   "off",   "y",    "n"};

	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		bool is_other = (c >= '0' && c <= '9') || c == '-' || c == '.';

		if (!is_letter && !(is_other && i > 0))
			return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (str_eq_nocase(text, str_from_c(words[i])))
			return false;
	}
	return true;
}

/* A JSON string is a YAML string. */
static enum err write_text(struct buf *out, struct str text)
{
	return is_plain(text) ? buf_append(out, text) : buf_append_json(out, text);
}

static enum err write_field(struct buf *out, const char *name, struct str value)
{
	enum err err;

	if (value.len == 0)
		return OK;
	err = buf_printf(out, "%s: ", name);
	if (err == OK)
		err = write_text(out, value);
	return err != OK ? err : buf_append_byte(out, '\n');
}

static enum err write_list(struct buf *out, const char *name, const struct words *words)
{
	enum err err;

	if (words->count == 0)
		return OK;
	err = buf_printf(out, "%s: [", name);
	for (size_t i = 0; i < words->count && err == OK; i++) {
		if (i > 0)
			err = buf_append(out, STR(", "));
		if (err == OK)
			err = write_text(out, words->items[i]);
	}
	return err != OK ? err : buf_append(out, STR("]\n"));
}

/* The words between the brackets, each of them text. */
static enum err write_set(struct buf *out, struct str words)
{
	enum err err = buf_append_byte(out, '[');
	struct str word;

	for (bool is_first = true; err == OK && str_trim(words).len > 0; is_first = false) {
		(void)str_cut(&words, ',', &word);
		if (!is_first)
			err = buf_append(out, STR(", "));
		if (err == OK)
			err = write_text(out, str_trim(word));
	}
	return err != OK ? err : buf_append_byte(out, ']');
}

/*
 * Numbers and booleans stay what they are; a value in double quotes is text without them, one in
 * brackets a set.
 */
static enum err write_attribute(struct buf *out, struct str pair)
{
	struct str name;
	int64_t number;
	enum err err;

	(void)str_cut(&pair, '=', &name);
	err = write_text(out, name);
	if (err == OK)
		err = buf_append(out, STR(": "));
	if (err != OK)
		return err;
	if (str_eq(pair, STR("true")) || str_eq(pair, STR("false")) ||
	    str_to_i64(pair, &number) == OK)
		return buf_append(out, pair);
	if (pair.len >= 2 && pair.ptr[0] == '"' && pair.ptr[pair.len - 1] == '"')
		return buf_append_json(out, str_sub(pair, 1, pair.len - 2));
	if (pair.len >= 2 && pair.ptr[0] == '[' && pair.ptr[pair.len - 1] == ']')
		return write_set(out, str_sub(pair, 1, pair.len - 2));
	return write_text(out, pair);
}

static enum err write_attributes(struct buf *out, const struct words *words)
{
	enum err err;

	if (words->count == 0)
		return OK;
	err = buf_append(out, STR("attributes: {"));
	for (size_t i = 0; i < words->count && err == OK; i++) {
		if (i > 0)
			err = buf_append(out, STR(", "));
		if (err == OK)
			err = write_attribute(out, words->items[i]);
	}
	return err != OK ? err : buf_append(out, STR("}\n"));
}

static enum err write_time(struct buf *out, const char *name, int64_t wall_ns)
{
	char text[CLOCK_RFC3339_SIZE];

	if (wall_ns == 0)
		return OK;
	(void)clock_format(wall_ns, 0, text);
	return buf_printf(out, "%s: %s\n", name, text);
}

static enum err write_fields(struct buf *out, const struct key_options *options, const char *id,
			     const char *sha256, int64_t now_ns, int64_t expires_ns)
{
	enum err err = buf_printf(out, "id: %s\n", id);

	if (err == OK)
		err = write_field(out, "name", options->name);
	if (err == OK)
		err = write_field(out, "kind", options->kind);
	/* Quoted: a digest of digits alone, or like 12e3.., would be read as a number. */
	if (err == OK)
		err = buf_printf(out, "sha256: \"%s\"\n", sha256);
	if (err == OK)
		err = write_field(out, "bu", options->bu);
	if (err == OK)
		err = write_field(out, "team", options->team);
	if (err == OK)
		err = write_field(out, "project", options->project);
	if (err == OK)
		err = write_list(out, "roles", &options->roles);
	if (err == OK)
		err = write_list(out, "groups", &options->groups);
	if (err == OK)
		err = write_list(out, "scopes", &options->scopes);
	if (err == OK)
		err = write_attributes(out, &options->attributes);
	if (err == OK)
		err = write_time(out, "created", now_ns);
	return err != OK ? err : write_time(out, "expires", expires_ns);
}

/* ---- reading, as the gateway will ---- */

static enum err read_rows(struct arena *arena, const char *file, struct str text, struct diag *diag,
			  const struct apikey_row **out, size_t *out_count)
{
	struct option_reader reader = {
		.arena = arena, .file = file, .text = text, .folder = STR("."), .diag = diag};
	const struct config_yaml *root;
	enum err err = config_yaml_parse(arena, file, text, diag, &root);

	return err != OK ? err : config_keys_read(&reader, root, out, out_count);
}

/* Saves it only if the gateway would load it. */
static enum err save(const struct keyfile *file, const char *path, struct diag *diag)
{
	const struct apikey_row *rows = NULL;
	struct apikey_store *store = NULL;
	size_t count = 0;
	struct arena arena;
	enum err err;

	arena_init(&arena, 65536, ARENA_BYTES);
	err = read_rows(&arena, path, keyfile_text(file), diag, &rows, &count);
	if (err == OK)
		err = apikey_store_new(rows, count, path, NULL, diag, &store);
	apikey_store_unref(store);
	arena_fini(&arena);
	return err != OK ? err : keyfile_save(file, diag);
}

/* ---- create ---- */

/* "90d", "2027-01-01", "2027-01-01T12:00:00Z" or "never". */
static bool parse_expiry(struct str text, int64_t now_ns, int64_t *out_ns)
{
	int64_t ms;

	if (text.len == 0 || str_eq(text, STR("never"))) {
		*out_ns = 0;
		return true;
	}
	if (clock_parse_duration_ms(text, &ms) == OK)
		return ms > 0 && !__builtin_mul_overflow(ms, CLOCK_NS_PER_MS, out_ns) &&
		       !__builtin_add_overflow(*out_ns, now_ns, out_ns);
	return clock_parse(text, out_ns) == OK && *out_ns > now_ns;
}

static int check_create(const struct args *args, const struct key_options *options)
{
	if (options->name.len == 0 || options->bu.len == 0)
		return args_fail(args, "wants --name and --bu");
	if (!str_eq(options->kind, STR("user")) && !str_eq(options->kind, STR("service")))
		return args_fail(args, "--kind is \"user\" or \"service\", not \"" STR_FMT "\"",
				 STR_ARG(options->kind));
	for (size_t i = 0; i < options->attributes.count; i++) {
		struct str pair = options->attributes.items[i];

		if (str_index(pair, '=') == pair.len || pair.ptr[0] == '=')
			return args_fail(args, "--attribute wants NAME=VALUE, not \"" STR_FMT "\"",
					 STR_ARG(pair));
	}
	return EXIT_CODE_FINE;
}

static enum err store(const struct key_options *options, const char *id, const char *sha256,
		      int64_t now_ns, int64_t expires_ns, struct diag *diag)
{
	struct keyfile *file = NULL;
	struct buf fields;
	enum err err;

	buf_init(&fields, FIELDS_BYTES);
	err = write_fields(&fields, options, id, sha256, now_ns, expires_ns);
	if (err != OK)
		(void)diag_set(diag, err, options->file, 0, 0, "the options are too long");
	if (err == OK)
		err = keyfile_load(options->file, diag, &file);
	if (err == OK)
		err = keyfile_append(file, buf_str(&fields), diag);
	if (err == OK)
		err = save(file, options->file, diag);
	keyfile_free(file);
	buf_fini(&fields);
	return err;
}

static void show_new(const struct key_options *options, const char *id, const char *key)
{
	if (str_eq(options->format, STR("json"))) {
		(void)printf("{\"id\":\"%s\",\"key\":\"%s\"}\n", id, key);
		return;
	}
	(void)fprintf(stderr, "Key %s for " STR_FMT " stands in %s. It is shown only now:\n", id,
		      STR_ARG(options->name), options->file);
	(void)printf("%s\n", key);
}

static int create_key(struct args *args, struct key_options *options)
{
	int64_t now_ns = clock_wall_ns();
	int64_t expires_ns = 0;
	uint8_t random[ID_RANDOM_BYTES];
	char id[ID_LEN + 1] = "k_";
	char key[APIKEY_LEN + 1];
	char sha256[65];
	struct diag diag = {0};
	enum err err;
	int code;

	if (options->kind.len == 0)
		options->kind = STR("service");
	code = check_create(args, options);
	if (code != EXIT_CODE_FINE)
		return code;
	if (!parse_expiry(options->expires, now_ns, &expires_ns))
		return args_fail(args,
				 "--expires is a time to come (\"90d\", \"2027-01-01\") or "
				 "\"never\", not \"" STR_FMT "\"",
				 STR_ARG(options->expires));
	crypt_random(random, sizeof(random));
	crypt_hex(random, sizeof(random), id + 2);
	apikey_generate(key, sha256);
	err = store(options, id, sha256, now_ns, expires_ns, &diag);
	if (err == OK)
		show_new(options, id, key);
	crypt_wipe(key, sizeof(key));
	return err == OK ? EXIT_CODE_FINE : args_fail_diag(args, err, &diag);
}

/* ---- list and revoke ---- */

static const char *state_of(const struct apikey_row *row, int64_t now_ns)
{
	if (row->is_revoked)
		return "revoked";
	return row->expires_ns != 0 && row->expires_ns <= now_ns ? "expired" : "valid";
}

static void print_csv(struct str text)
{
	(void)putchar('"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"')
			(void)putchar('"');
		(void)putchar(text.ptr[i]);
	}
	(void)fputs("\",", stdout);
}

static void print_json(const char *name, struct str text)
{
	struct buf quoted;

	buf_init(&quoted, KEYFILE_BYTES);
	if (buf_append_json(&quoted, text) == OK)
		(void)printf("\"%s\":" STR_FMT ",", name, STR_ARG(buf_str(&quoted)));
	buf_fini(&quoted);
}

static void list_row(const struct apikey_row *row, struct str format, int64_t now_ns)
{
	char expires[CLOCK_RFC3339_SIZE] = "";
	size_t expires_len = row->expires_ns == 0 ? 0 : clock_format(row->expires_ns, 0, expires);
	const char *kind = row->kind == PRINCIPAL_USER ? "user" : "service";
	const struct {
		const char *name;
		struct str value;
	} cells[] = {
		{"id", row->id},
		{"name", row->name},
		{"kind", str_from_c(kind)},
		{"bu", row->bu},
		{"team", row->team},
		{"project", row->project},
		{"expires", str_make(expires, expires_len)},
	};
	bool is_json = str_eq(format, STR("json"));

	if (str_eq(format, STR("table"))) {
		(void)printf("%-*.*s  %-16.*s  %-7s  %-12.*s  %-12.*s  %-20s  %s\n", ID_LEN,
			     STR_ARG(row->id), STR_ARG(row->name), kind, STR_ARG(row->bu),
			     STR_ARG(row->team), expires, state_of(row, now_ns));
		return;
	}
	(void)fputs(is_json ? "{" : "", stdout);
	for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
		if (is_json)
			print_json(cells[i].name, cells[i].value);
		else
			print_csv(cells[i].value);
	}
	(void)printf(is_json ? "\"state\":\"%s\"}" : "%s\n", state_of(row, now_ns));
}

static void list_rows(const struct apikey_row *rows, size_t count, struct str format)
{
	bool is_json = str_eq(format, STR("json"));

	if (str_eq(format, STR("table")))
		(void)printf("%-*s  %-16s  %-7s  %-12s  %-12s  %-20s  %s\n", ID_LEN, "ID", "NAME",
			     "KIND", "BU", "TEAM", "EXPIRES", "STATE");
	if (str_eq(format, STR("csv")))
		(void)printf("id,name,kind,bu,team,project,expires,state\n");
	for (size_t i = 0; i < count; i++) {
		if (is_json)
			(void)fputs(i == 0 ? "[" : ",\n ", stdout);
		list_row(&rows[i], format, clock_wall_ns());
	}
	if (is_json)
		(void)fputs(count == 0 ? "[]\n" : "]\n", stdout);
}

static int list_keys(struct args *args, struct key_options *options)
{
	const struct apikey_row *rows = NULL;
	size_t count = 0;
	struct arena arena;
	struct diag diag = {0};
	struct str text;
	enum err err;

	if (options->format.len == 0)
		options->format = STR("table");
	if (!str_eq(options->format, STR("json")) && !str_eq(options->format, STR("table")) &&
	    !str_eq(options->format, STR("csv")))
		return args_fail(args, "--format is \"table\", \"json\" or \"csv\"");
	arena_init(&arena, 65536, ARENA_BYTES);
	err = config_file_read(&arena, options->file, KEYFILE_BYTES, &diag, &text);
	if (err == OK)
		err = read_rows(&arena, options->file, text, &diag, &rows, &count);
	if (err == OK)
		list_rows(rows, count, options->format);
	arena_fini(&arena);
	return err == OK ? EXIT_CODE_FINE : args_fail_diag(args, err, &diag);
}

static int revoke_key(struct args *args, struct key_options *options)
{
	struct keyfile *file = NULL;
	struct diag diag = {0};
	enum err err;

	if (options->id.len == 0)
		return args_fail(args, "wants the ID of a key; `tollgate key list` shows them");
	err = keyfile_load(options->file, &diag, &file);
	if (err == OK)
		err = keyfile_revoke(file, options->id, &diag);
	if (err == OK)
		err = save(file, options->file, &diag);
	keyfile_free(file);
	if (err == ERR_NOT_FOUND) {
		(void)args_fail_diag(args, err, &diag);
		return EXIT_CODE_NO;
	}
	if (err != OK)
		return args_fail_diag(args, err, &diag);
	(void)fprintf(stderr, "Key " STR_FMT " is revoked once the gateway reloads.\n",
		      STR_ARG(options->id));
	return EXIT_CODE_FINE;
}

int cli_key(int argc, char **argv)
{
	static const struct {
		const char *name;
		const char *command;
		bool wants_id;
		int (*run)(struct args *args, struct key_options *options);
	} commands[] = {
		{"create", "tollgate key create", false, create_key},
		{"list", "tollgate key list", false, list_keys},
		{"revoke", "tollgate key revoke", true, revoke_key},
	};
	struct key_options options = {.file = "keys.yaml"};
	struct args args;
	int code;

	for (int i = 1; i < argc; i++) {
		if (str_eq(str_from_c(argv[i]), STR("--help"))) {
			(void)fputs(usage, stdout);
			return EXIT_CODE_FINE;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(commands) && argc > 1; i++) {
		if (!str_eq(str_from_c(argv[1]), str_from_c(commands[i].name)))
			continue;
		args_init(&args, commands[i].command, argc - 1, argv + 1);
		code = parse_options(&args, commands[i].wants_id, &options);
		return code != EXIT_CODE_FINE ? code : commands[i].run(&args, &options);
	}
	(void)fputs(usage, stderr);
	return EXIT_CODE_USAGE;
}
