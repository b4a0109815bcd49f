/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/identity/principal.h"

#include <stdatomic.h>
#include <stdlib.h>

#define PRINCIPAL_MAGIC	     0x70726e63U
#define PRINCIPAL_ATTRIBUTES 64

/*
 * One block: this struct, then the attributes, then the views of every list,
 * then the bytes of every text.
 */
struct principal_block {
	uint32_t magic;
	_Atomic uint32_t refs;
	struct principal_ops ops;
	struct principal principal;
	struct attribute attributes[];
};

/* Where the copy has come to; used twice, first with NULLs to measure. */
struct packer {
	struct str *views;
	char *text;
	size_t view_count;
	size_t text_len;
	bool is_too_long;
};

static struct str pack_text(struct packer *packer, struct str s)
{
	struct str copy = {"", 0};

	packer->is_too_long |= s.len > PRINCIPAL_TEXT;
	if (packer->text != NULL && s.len > 0) {
		memcpy(packer->text + packer->text_len, s.ptr, s.len);
		copy = str_make(packer->text + packer->text_len, s.len);
	}
	packer->text_len += s.len;
	return copy;
}

static struct str_list pack_list(struct packer *packer, struct str_list list)
{
	struct str *views = packer->views == NULL ? NULL : packer->views + packer->view_count;

	if (list.count > PRINCIPAL_LIST) {
		packer->is_too_long = true;
		return (struct str_list){NULL, 0};
	}
	packer->view_count += list.count;
	for (size_t i = 0; i < list.count; i++) {
		struct str copy = pack_text(packer, list.items[i]);

		if (views != NULL)
			views[i] = copy;
	}
	return (struct str_list){views, list.count};
}

static struct attribute pack_attribute(struct packer *packer, const struct attribute *from)
{
	return (struct attribute){
		.name = pack_text(packer, from->name),
		.type = from->type,
		.text = pack_text(packer, from->text),
		.number = from->number,
		.flag = from->flag,
		.set = pack_list(packer, from->set),
	};
}

/* attributes is NULL while measuring. */
static struct principal pack(struct packer *packer, const struct principal *draft,
			     struct attribute *attributes)
{
	struct principal copy = {
		.kind = draft->kind,
		.method = draft->method,
		.id = pack_text(packer, draft->id),
		.bu = pack_text(packer, draft->bu),
		.team = pack_text(packer, draft->team),
		.project = pack_text(packer, draft->project),
		.key_id = pack_text(packer, draft->key_id),
		.issuer = pack_text(packer, draft->issuer),
		.roles = pack_list(packer, draft->roles),
		.groups = pack_list(packer, draft->groups),
		.scopes = pack_list(packer, draft->scopes),
		.attributes = attributes,
		.attribute_count = draft->attribute_count,
		.expires_ns = draft->expires_ns,
		.has_mfa = draft->has_mfa,
	};

	for (size_t i = 0; i < draft->attribute_count; i++) {
		struct attribute attribute = pack_attribute(packer, &draft->attributes[i]);

		if (attributes != NULL)
			attributes[i] = attribute;
	}
	return copy;
}

enum err principal_new(const struct principal *draft, const struct principal_ops *ops,
		       const struct principal **out)
{
	struct packer size = {NULL, NULL, 0, 0, false};
	struct packer packer = {NULL, NULL, 0, 0, false};
	struct principal_block *block;

	if (draft->attribute_count > PRINCIPAL_ATTRIBUTES)
		return ERR_LIMIT;
	(void)pack(&size, draft, NULL);
	if (size.is_too_long)
		return ERR_LIMIT;
	block = base_alloc(sizeof(*block) + draft->attribute_count * sizeof(struct attribute) +
			   size.view_count * sizeof(struct str) + size.text_len + 1);
	packer.views = (struct str *)(void *)(block->attributes + draft->attribute_count);
	packer.text = (char *)(packer.views + size.view_count);
	block->magic = PRINCIPAL_MAGIC;
	atomic_init(&block->refs, 1);
	block->principal = pack(&packer, draft, block->attributes);
	ASSERT(packer.view_count == size.view_count);
	ASSERT(packer.text_len == size.text_len);
	if (ops != NULL && ops->attach != NULL) {
		block->ops = *ops;
		block->principal.attachment = ops->attach(ops->arg, &block->principal);
	}
	*out = &block->principal;
	return OK;
}

static struct principal_block *block_of(const struct principal *principal)
{
	struct principal_block *block =
		(struct principal_block *)((uintptr_t)principal -
					   offsetof(struct principal_block, principal));

	ASSERT(block->magic == PRINCIPAL_MAGIC);
	return block;
}

const struct principal *principal_ref(const struct principal *principal)
{
	struct principal_block *block = block_of(principal);
	uint32_t before = atomic_fetch_add_explicit(&block->refs, 1, memory_order_relaxed);

	ASSERT(before > 0);
	ASSERT(before < UINT32_MAX);
	return principal;
}

void principal_unref(const struct principal *principal)
{
	struct principal_block *block;

	if (principal == NULL)
		return;
	block = block_of(principal);
	if (atomic_fetch_sub_explicit(&block->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (principal->attachment != NULL)
		block->ops.detach(block->ops.arg, principal->attachment);
	block->magic = 0;
	free(block);
}

const char *principal_kind_name(enum principal_kind kind)
{
	switch (kind) {
	case PRINCIPAL_USER: return "User";
	case PRINCIPAL_SERVICE: return "Service";
	}
	return "";
}

const char *principal_method_name(enum principal_method method)
{
	switch (method) {
	case PRINCIPAL_API_KEY: return "api_key";
	case PRINCIPAL_JWT: return "jwt";
	case PRINCIPAL_MTLS: return "mtls";
	}
	return "";
}

const struct attribute *principal_attribute(const struct principal *principal, struct str name)
{
	for (size_t i = 0; i < principal->attribute_count; i++) {
		if (str_eq(principal->attributes[i].name, name))
			return &principal->attributes[i];
	}
	return NULL;
}

bool str_list_has(struct str_list list, struct str item)
{
	for (size_t i = 0; i < list.count; i++) {
		if (str_eq(list.items[i], item))
			return true;
	}
	return false;
}
