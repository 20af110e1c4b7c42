/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libssh connects to any key and leaves the check to us: it stands between key exchange and authentication. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "core.h"
#include "known.h"

int
hostkey_want(struct hop *h)
{
	struct buf algorithms;
	int ret = 0;

	buf_init(&algorithms, 1024);
	if (h->plan->host_key != NULL)
		known_pin_algorithms(h->plan->host_key, &algorithms);
	else
		known_algorithms(h->plan->known_hosts, strlen(h->plan->known_hosts), h->plan->host, h->plan->port, &algorithms);
	if (buf_len(&algorithms) > 0 && ssh_options_set(h->ssh, SSH_OPTIONS_HOSTKEYS, buf_str(&algorithms)) != SSH_OK)
		ret = tell_fault(h->tunnel, h, TUNNEL_FAULT_PLAN, "the SSH library knows none of the key types %.200s;"
		    " give the host's ssh-ed25519 key", buf_str(&algorithms));
	buf_fini(&algorithms);
	return ret;
}

/* The key as bytes; false when libssh has none. */
static bool
shown_key(struct hop *h, unsigned char blob[KNOWN_BLOB_MAX], size_t *n)
{
	struct buf b;
	ssh_key key = NULL;
	char *text = NULL;
	bool ok;

	if (ssh_get_server_publickey(h->ssh, &key) != SSH_OK)
		return false;
	buf_init(&b, KNOWN_BLOB_MAX);
	ok = ssh_pki_export_pubkey_base64(key, &text) == SSH_OK && known_decode(text, &b);
	if (ok) {
		const char *type = ssh_key_type_to_char(ssh_key_type(key));

		*n = buf_len(&b);
		memcpy(blob, buf_data(&b), *n);
		tell_safe(type != NULL ? type : "", h->said.key_type, sizeof h->said.key_type);
		known_fingerprint(blob, *n, h->said.fingerprint);
	}
	ssh_string_free_char(text);
	ssh_key_free(key);
	buf_fini(&b);
	return ok;
}

static int
refuse(struct hop *h, const struct known_answer *a)
{
	const char *type = h->said.key_type, *seen = h->said.fingerprint;
	struct tunnel *t = h->tunnel;
	char where[48] = "host_key";

	if (h->plan->host_key == NULL)
		snprintf(where, sizeof where, "line %zu of known_hosts", a->line);
	switch (a->verdict) {
	case KNOWN_UNKNOWN:
		return tell_fault(t, h, TUNNEL_FAULT_HOST_UNKNOWN, "no key of %.150s port %u is known; it shows the %s key %s:"
		    " ask its owner whether that is right, then put it into host_key of this hop",
		    h->plan->host, (unsigned)h->plan->port, type, seen);
	case KNOWN_CHANGED:
		return tell_fault(t, h, TUNNEL_FAULT_HOST_CHANGED, "%.150s port %u shows the %s key %s, expected was %s%s%s;"
		    " somebody may stand in between: ask its owner, and change %s of this hop only when he confirms the new key",
		    h->plan->host, (unsigned)h->plan->port, type, seen, a->type, a->type[0] != '\0' ? " " : "", a->fingerprint, where);
	case KNOWN_REVOKED:
		return tell_fault(t, h, TUNNEL_FAULT_HOST_REVOKED, "%.150s port %u shows the %s key %s, which line %zu of known_hosts"
		    " revokes; do not connect, ask its owner for the new key",
		    h->plan->host, (unsigned)h->plan->port, type, seen, a->line);
	case KNOWN_AUTHORITY:
		return tell_fault(t, h, TUNNEL_FAULT_HOST_AUTHORITY, "known_hosts line %zu trusts an authority for %.150s and host"
		    " certificates are not supported; it shows the %s key %s: ask its owner whether that is right, then put it into"
		    " host_key of this hop", a->line, h->plan->host, type, seen);
	case KNOWN_OK:
	case KNOWN_BROKEN:
		break;
	}
	if (h->plan->host_key != NULL)
		return tell_fault(t, h, TUNNEL_FAULT_PLAN, "host_key is neither a SHA256:... fingerprint nor a line such as"
		    " ssh-ed25519 AAAA...; correct it");
	return tell_fault(t, h, TUNNEL_FAULT_PLAN, "line %zu of known_hosts is not understood, so nothing in it is trusted;"
	    " correct it", a->line);
}

int
hostkey_check(struct hop *h)
{
	unsigned char blob[KNOWN_BLOB_MAX];
	struct known_answer a;
	size_t n = 0;

	if (!shown_key(h, blob, &n))
		return tell_fault(h->tunnel, h, TUNNEL_FAULT_PROTOCOL, "the server's host key cannot be read;"
		    " check that it has an ssh-ed25519 key");
	if (h->plan->host_key != NULL)
		known_pin(h->plan->host_key, blob, n, &a);
	else
		known_check(h->plan->known_hosts, strlen(h->plan->known_hosts), h->plan->host, h->plan->port, blob, n, &a);
	return a.verdict == KNOWN_OK ? 0 : refuse(h, &a);
}
