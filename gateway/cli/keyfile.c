/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/keyfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/cli/replace.h"

#define ENTRY_INDENT 2

struct keyfile {
	char *path;
	struct buf text;
	struct keyfile_entry *entries;
	size_t count;
	size_t cap;
	bool has_keys;	  /* the line "keys:" was seen */
	size_t keys_end;  /* offset behind that line */
	size_t keys_from; /* and of its beginning */
};

/* ---- reading ---- */

static enum err refuse(const struct keyfile *file, unsigned line, const char *what,
		       struct diag *diag)
{
	(void)diag_set(diag, ERR_MALFORMED, file->path, line, 1,
		       "%s; `tollgate key` only changes files of the form it writes itself", what);
	diag_set_source(diag, file->text.ptr, file->text.len);
	return ERR_MALFORMED;
}

static size_t indent_of(struct str line)
{
	size_t indent = 0;

	while (indent < line.len && line.ptr[indent] == ' ')
		indent++;
	return indent;
}

/* A comment needs a space before its '#'; a quoted value ends at its quote. */
static struct str clean_value(struct str value)
{
	struct str rest;

	value = str_trim(value);
	if (value.len >= 2 && (value.ptr[0] == '"' || value.ptr[0] == '\'')) {
		rest = str_sub(value, 1, value.len - 1);
		return str_sub(rest, 0, str_index(rest, value.ptr[0]));
	}
	for (size_t i = 1; i < value.len; i++) {
		if (value.ptr[i] == '#' && value.ptr[i - 1] == ' ')
			return str_trim(str_sub(value, 0, i));
	}
	return value;
}

static struct keyfile_entry *add_entry(struct keyfile *file, unsigned line, size_t indent)
{
	if (file->count == file->cap) {
		file->cap = MAX(file->cap * 2, 16U);
		file->entries = reallocarray(file->entries, file->cap, sizeof(file->entries[0]));
		ASSERT(file->entries != NULL);
	}
	file->entries[file->count] = (struct keyfile_entry){.line = line, .indent = indent};
	return &file->entries[file->count++];
}

/* One line that says something; end is the offset behind it. */
static enum err read_line(struct keyfile *file, struct str line, unsigned number, size_t end,
			  struct diag *diag)
{
	size_t indent = indent_of(line);
	struct str value = str_sub(line, indent, line.len);
	struct str name;
	struct keyfile_entry *entry;

	if (indent == 0 && str_has_prefix(value, STR("keys:")) && !file->has_keys) {
		value = clean_value(str_sub(value, 5, value.len));
		file->has_keys = true;
		file->keys_end = end;
		file->keys_from = (size_t)(line.ptr - file->text.ptr);
		return value.len == 0 || str_eq(value, STR("[]"))
			       ? OK
			       : refuse(file, number, "keys is no plain list", diag);
	}
	if (!file->has_keys)
		return refuse(file, number, "expected the line \"keys:\"", diag);
	if (str_has_prefix(value, STR("- "))) {
		indent += 2;
		value = str_sub(value, 2, value.len);
		if (file->count == KEYFILE_ENTRIES)
			return refuse(file, number, "too many keys", diag);
		(void)add_entry(file, number, indent);
	}
	entry = file->count == 0 ? NULL : &file->entries[file->count - 1];
	if (entry == NULL || entry->indent != indent || !str_cut(&value, ':', &name) ||
	    (value.len > 0 && value.ptr[0] != ' '))
		return refuse(file, number, "expected \"- id: ...\" or \"field: value\"", diag);
	if (str_eq(name, STR("id")))
		entry->id = clean_value(value);
	else if (str_eq(name, STR("revoked")))
		entry->revoked = clean_value(value);
	entry->end = end;
	return OK;
}

static enum err read_entries(struct keyfile *file, struct diag *diag)
{
	struct str rest = buf_str(&file->text);
	unsigned number = 0;
	enum err err = OK;

	file->count = 0;
	file->has_keys = false;
	while (str_is_set(rest) && rest.len > 0 && err == OK) {
		struct str line;
		size_t end;

		(void)str_cut(&rest, '\n', &line);
		number++;
		end = (size_t)(line.ptr - file->text.ptr) + line.len + (str_is_set(rest) ? 1 : 0);
		if (indent_of(line) < line.len && line.ptr[indent_of(line)] != '#')
			err = read_line(file, line, number, end, diag);
	}
	for (size_t i = 0; i < file->count && err == OK; i++) {
		if (file->entries[i].id.len == 0)
			err = refuse(file, file->entries[i].line, "key without an id", diag);
	}
	return err;
}

static enum err read_text(struct keyfile *file, struct diag *diag)
{
	FILE *stream = fopen(file->path, "re");
	enum err err;
	char *ptr = NULL;

	if (stream == NULL && errno == ENOENT)
		return OK;
	if (stream == NULL)
		return diag_set(diag, ERR_IO, file->path, 0, 0, "cannot open: %s", strerror(errno));
	err = buf_reserve(&file->text, KEYFILE_BYTES, &ptr);
	if (err == OK)
		buf_commit(&file->text, fread(ptr, 1, KEYFILE_BYTES, stream));
	if (err == OK && (ferror(stream) != 0 || fgetc(stream) != EOF))
		err = diag_set(diag, ERR_IO, file->path, 0, 0,
			       "cannot read it, or more than 4 MiB");
	(void)fclose(stream);
	return err;
}

enum err keyfile_load(const char *path, struct diag *diag, struct keyfile **out)
{
	struct keyfile *file = base_alloc(sizeof(*file));
	enum err err;

	file->path = base_alloc(strlen(path) + 1);
	memcpy(file->path, path, strlen(path));
	buf_init(&file->text, KEYFILE_BYTES);
	err = read_text(file, diag);
	if (err == OK)
		err = read_entries(file, diag);
	if (err != OK) {
		keyfile_free(file);
		return err;
	}
	*out = file;
	return OK;
}

void keyfile_free(struct keyfile *file)
{
	if (file == NULL)
		return;
	buf_fini(&file->text);
	free(file->entries);
	free(file->path);
	free(file);
}

struct str keyfile_text(const struct keyfile *file)
{
	return buf_str(&file->text);
}

const struct keyfile_entry *keyfile_find(const struct keyfile *file, struct str id)
{
	for (size_t i = 0; i < file->count; i++) {
		if (str_eq(file->entries[i].id, id))
			return &file->entries[i];
	}
	return NULL;
}

/* ---- changing ---- */

/* Replaces [from, to) by piece, and reads the result again: what cannot be read is not kept. */
static enum err replace_text(struct keyfile *file, size_t from, size_t to, struct str piece,
			     struct diag *diag)
{
	struct str text = buf_str(&file->text);
	struct buf changed;
	enum err err;

	ASSERT(from <= to);
	ASSERT(to <= text.len);
	buf_init(&changed, KEYFILE_BYTES);
	err = buf_append(&changed, str_sub(text, 0, from));
	if (err == OK && from > 0 && text.ptr[from - 1] != '\n')
		err = buf_append_byte(&changed, '\n');
	if (err == OK)
		err = buf_append(&changed, piece);
	if (err == OK)
		err = buf_append(&changed, str_sub(text, to, text.len - to));
	if (err != OK) {
		buf_fini(&changed);
		return diag_set(diag, err, file->path, 0, 0, "the file would pass 4 MiB");
	}
	buf_fini(&file->text);
	file->text = changed;
	return read_entries(file, diag);
}

static enum err write_entry(struct buf *out, struct str fields, size_t indent, bool has_keys)
{
	enum err err = has_keys ? OK : buf_append(out, STR("keys:\n"));
	struct str line;
	bool is_first = true;

	while (err == OK && fields.len > 0) {
		(void)str_cut(&fields, '\n', &line);
		err = buf_printf(out, "%*s%s" STR_FMT "\n", (int)(indent - 2), "",
				 is_first ? "- " : "  ", STR_ARG(line));
		is_first = false;
	}
	return err;
}

enum err keyfile_append(struct keyfile *file, struct str fields, struct diag *diag)
{
	const struct keyfile_entry *last =
		file->count == 0 ? NULL : &file->entries[file->count - 1];
	/* An empty list may be written "keys: []": that line is written anew. */
	bool keeps_line = last != NULL;
	size_t from = last != NULL ? last->end : file->has_keys ? file->keys_from : file->text.len;
	size_t to = last == NULL && file->has_keys ? file->keys_end : from;
	struct buf piece;
	enum err err;

	buf_init(&piece, KEYFILE_BYTES);
	err = write_entry(&piece, fields, last == NULL ? ENTRY_INDENT + 2 : last->indent,
			  keeps_line);
	if (err == OK)
		err = replace_text(file, from, to, buf_str(&piece), diag);
	buf_fini(&piece);
	return err;
}

enum err keyfile_revoke(struct keyfile *file, struct str id, struct diag *diag)
{
	const struct keyfile_entry *entry = keyfile_find(file, id);
	char line[64];
	size_t from;
	size_t to;

	if (entry == NULL)
		return diag_set(diag, ERR_NOT_FOUND, file->path, 0, 0, "no key \"" STR_FMT "\"",
				STR_ARG(id));
	if (str_eq(entry->revoked, STR("true")))
		return diag_set(diag, ERR_CONFLICT, file->path, entry->line, 1,
				"key \"" STR_FMT "\" is revoked already", STR_ARG(id));
	(void)snprintf(line, sizeof(line), "%*srevoked: true\n", (int)MIN(entry->indent, 32U), "");
	from = to = entry->end;
	if (str_is_set(entry->revoked)) {
		/* Over the line that says otherwise. */
		from = (size_t)(entry->revoked.ptr - file->text.ptr);
		to = from + str_index(str_sub(buf_str(&file->text), from, file->text.len), '\n');
		to += to < file->text.len;
		while (from > 0 && file->text.ptr[from - 1] != '\n')
			from--;
	}
	return replace_text(file, from, to, str_from_c(line), diag);
}

enum err keyfile_save(const struct keyfile *file, struct diag *diag)
{
	return replace_file(file->path, buf_str(&file->text), diag);
}
