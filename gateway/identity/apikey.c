/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/identity/apikey.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/crypt.h"
#include "base/map.h"

#define APIKEY_SECRET_BYTES 32

struct apikey {
	uint8_t digest[CRYPT_SHA256_BYTES];
	const struct principal *principal;
	bool is_revoked;
};

struct apikey_store {
	_Atomic uint32_t refs;
	struct map by_digest; /* of struct apikey */
	size_t count;
	struct apikey keys[];
};

static enum err refuse(const struct apikey_row *row, const char *file, struct diag *diag,
		       const char *what)
{
	return diag_set(diag, ERR_MALFORMED, file, row->line, row->column,
			"key \"" STR_FMT "\": %s", STR_ARG(row->id), what);
}

static enum err build_principal(const struct apikey_row *row, const struct principal_ops *ops,
				const struct principal **out)
{
	const struct principal draft = {
		.kind = row->kind,
		.method = PRINCIPAL_API_KEY,
		.id = row->name,
		.bu = row->bu,
		.team = row->team,
		.project = row->project,
		.key_id = row->id,
		.issuer = STR(""),
		.roles = row->roles,
		.groups = row->groups,
		.scopes = row->scopes,
		.attributes = row->attributes,
		.attribute_count = row->attribute_count,
		.expires_ns = row->expires_ns == 0 ? INT64_MAX : row->expires_ns,
	};

	return principal_new(&draft, ops, out);
}

/* Appends the row to the store; ids is the set of ids seen so far. */
static enum err add_row(struct apikey_store *store, struct map *ids, const struct apikey_row *row,
			const char *file, const struct principal_ops *ops, struct diag *diag)
{
	struct apikey *key = &store->keys[store->count];
	struct str digest = str_make((const char *)key->digest, sizeof(key->digest));
	enum err err;

	if (row->id.len == 0)
		return diag_set(diag, ERR_MALFORMED, file, row->line, row->column,
				"key without an id");
	if (row->name.len == 0)
		return refuse(row, file, diag, "has no name");
	if (crypt_unhex(row->sha256, key->digest, sizeof(key->digest)) != OK)
		return refuse(row, file, diag, "sha256 must be 64 hexadecimal digits");
	if (map_get(ids, row->id) != NULL)
		return refuse(row, file, diag, "the id is used twice");
	if (map_get(&store->by_digest, digest) != NULL)
		return refuse(row, file, diag, "the same secret is listed twice");
	key->is_revoked = row->is_revoked;
	if (build_principal(row, ops, &key->principal) != OK)
		return refuse(row, file, diag, "has too long a text or list");
	store->count++;
	err = map_put(ids, row->id, key);
	return err != OK ? err : map_put(&store->by_digest, digest, key);
}

enum err apikey_store_new(const struct apikey_row *rows, size_t count, const char *file,
			  const struct principal_ops *ops, struct diag *diag,
			  struct apikey_store **out)
{
	struct apikey_store *store;
	struct map ids;
	enum err err = OK;

	if (count > APIKEY_MAX_ROWS)
		return diag_set(diag, ERR_LIMIT, file, 0, 0, "more than %d keys", APIKEY_MAX_ROWS);
	store = base_alloc(sizeof(*store) + count * sizeof(store->keys[0]));
	atomic_init(&store->refs, 1);
	map_init(&store->by_digest, count + 1);
	map_init(&ids, count + 1);
	for (size_t i = 0; i < count && err == OK; i++)
		err = add_row(store, &ids, &rows[i], file, ops, diag);
	map_fini(&ids);
	if (err != OK) {
		apikey_store_unref(store);
		return err;
	}
	*out = store;
	return OK;
}

struct apikey_store *apikey_store_ref(struct apikey_store *store)
{
	atomic_fetch_add_explicit(&store->refs, 1, memory_order_relaxed);
	return store;
}

void apikey_store_unref(struct apikey_store *store)
{
	if (store == NULL || atomic_fetch_sub_explicit(&store->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < store->count; i++)
		principal_unref(store->keys[i].principal);
	map_fini(&store->by_digest);
	free(store);
}

size_t apikey_store_count(const struct apikey_store *store)
{
	return store->count;
}

const struct principal *apikey_store_at(const struct apikey_store *store, size_t index)
{
	ASSERT(index < store->count);
	return store->keys[index].principal;
}

bool apikey_is_shaped(struct str text)
{
	return str_has_prefix(text, STR(APIKEY_PREFIX));
}

enum apikey_state apikey_store_find(const struct apikey_store *store, struct str key,
				    int64_t wall_ns, const struct principal **out)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	const struct apikey *found;

	/* The length is no secret, and bounds the hash. */
	if (key.len != APIKEY_LEN || !apikey_is_shaped(key))
		return APIKEY_UNKNOWN;
	crypt_sha256(key, digest);
	found = map_get(&store->by_digest, str_make((const char *)digest, sizeof(digest)));
	if (found == NULL || !crypt_equal(found->digest, digest, sizeof(digest)))
		return APIKEY_UNKNOWN;
	if (found->is_revoked)
		return APIKEY_REVOKED;
	if (found->principal->expires_ns <= wall_ns)
		return APIKEY_EXPIRED;
	*out = found->principal;
	return APIKEY_VALID;
}

void apikey_generate(char out_key[static APIKEY_LEN + 1], char out_sha256[static 65])
{
	uint8_t secret[APIKEY_SECRET_BYTES];
	uint8_t digest[CRYPT_SHA256_BYTES];
	size_t prefix_len = strlen(APIKEY_PREFIX);
	size_t len;

	crypt_random(secret, sizeof(secret));
	memcpy(out_key, APIKEY_PREFIX, prefix_len);
	len = crypt_base64url_encode(secret, sizeof(secret), out_key + prefix_len);
	ASSERT(prefix_len + len == APIKEY_LEN);
	crypt_sha256(str_make(out_key, APIKEY_LEN), digest);
	crypt_hex(digest, sizeof(digest), out_sha256);
	crypt_wipe(secret, sizeof(secret));
}
