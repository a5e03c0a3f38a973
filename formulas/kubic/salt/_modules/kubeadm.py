"""
kubeadm, whichever is installed: the real one of any release since 1.14, or a lab's stand-in.

Salt's own module of this name leaves its core; this one is sent to the minions by
``saltutil.sync_all`` and takes its place where there still is one. Options are translated to the
flags of the installed release. Whatever carries a token is kept out of the minion's log.
"""

import base64
import hashlib
import json
import os
import re
import socket

from salt.exceptions import CommandExecutionError

__virtualname__ = "kubeadm"

ADMIN_CONF = "/etc/kubernetes/admin.conf"
KUBELET_CONF = "/etc/kubernetes/kubelet.conf"
CA_CERTIFICATE = "/etc/kubernetes/pki/ca.crt"

# Option, flag, first release that has it, first that no longer does. Without the two: every one.
_ANY = ((0, 0), (999, 0))
_COMMON = (
    ("cri_socket", "--cri-socket") + _ANY,
    ("ignore_preflight_errors", "--ignore-preflight-errors") + _ANY,
    ("node_name", "--node-name") + _ANY,
    ("config", "--config") + _ANY,
    ("rootfs", "--rootfs") + _ANY,
    ("patches", "--experimental-patches", (1, 19), (1, 22)),
    ("patches", "--patches", (1, 22), (999, 0)),
    ("skip_phases", "--skip-phases", (1, 13), (999, 0)),
)
_INIT = _COMMON + (
    ("apiserver_advertise_address", "--apiserver-advertise-address") + _ANY,
    ("apiserver_bind_port", "--apiserver-bind-port") + _ANY,
    ("apiserver_cert_extra_sans", "--apiserver-cert-extra-sans") + _ANY,
    ("cert_dir", "--cert-dir") + _ANY,
    ("certificate_key", "--certificate-key", (1, 14), (999, 0)),
    ("control_plane_endpoint", "--control-plane-endpoint", (1, 16), (999, 0)),
    ("feature_gates", "--feature-gates") + _ANY,
    ("image_repository", "--image-repository", (1, 13), (999, 0)),
    ("kubernetes_version", "--kubernetes-version") + _ANY,
    ("pod_network_cidr", "--pod-network-cidr") + _ANY,
    ("service_cidr", "--service-cidr") + _ANY,
    ("service_dns_domain", "--service-dns-domain") + _ANY,
    ("skip_certificate_key_print", "--skip-certificate-key-print", (1, 14), (999, 0)),
    ("skip_token_print", "--skip-token-print") + _ANY,
    ("token", "--token") + _ANY,
    ("token_ttl", "--token-ttl") + _ANY,
    ("upload_certs", "--experimental-upload-certs", (1, 14), (1, 15)),
    ("upload_certs", "--upload-certs", (1, 15), (999, 0)),
)
_JOIN = _COMMON + (
    ("apiserver_advertise_address", "--apiserver-advertise-address") + _ANY,
    ("apiserver_bind_port", "--apiserver-bind-port") + _ANY,
    ("certificate_key", "--certificate-key", (1, 14), (999, 0)),
    ("control_plane", "--experimental-control-plane", (0, 0), (1, 15)),
    ("control_plane", "--control-plane", (1, 15), (999, 0)),
    ("discovery_file", "--discovery-file") + _ANY,
    ("discovery_token", "--discovery-token") + _ANY,
    ("discovery_token_ca_cert_hash", "--discovery-token-ca-cert-hash") + _ANY,
    (
        "discovery_token_unsafe_skip_ca_verification",
        "--discovery-token-unsafe-skip-ca-verification",
    )
    + _ANY,
    ("tls_bootstrap_token", "--tls-bootstrap-token") + _ANY,
    ("token", "--token") + _ANY,
)


def __virtual__():
    # Not "only if kubeadm is there": an install may bring it after the modules came.
    return __virtualname__


def version():
    """
    Give the installed release, such as ``v1.31.0``.

    CLI Example:

    .. code-block:: bash

        salt '*' kubeadm.version
    """
    return _run(["version", "-o", "short"]).strip()


def path(name):
    """
    Give where ``name``, a path of a real node, is on this one.

    CLI Example:

    .. code-block:: bash

        salt '*' kubeadm.path /etc/kubernetes/admin.conf
    """
    return os.path.join(_root(), name.lstrip("/"))


def init(**options):
    """
    Make this node the control plane. Options are kubeadm's, with underscores; lists are joined.

    CLI Example:

    .. code-block:: bash

        salt '*' kubeadm.init pod_network_cidr='10.244.0.0/16'
    """
    return _run(["init"] + _flags(_INIT, options))


def join(api_server_endpoint=None, **options):
    """
    Join the cluster at ``api_server_endpoint``. Options are kubeadm's, with underscores.

    CLI Example:

    .. code-block:: bash

        salt '*' kubeadm.join 10.0.0.1:6443 token=T discovery_token_ca_cert_hash=sha256:H
    """
    endpoint = [api_server_endpoint] if api_server_endpoint else []
    return _run(["join"] + endpoint + _flags(_JOIN, options))


def join_params(create_if_needed=False, description=None, ttl=None):
    """
    Give what a worker needs to join: endpoint, token, hash of the authority's key.

    A valid token that fits (with ``description``: that has it) is given again. With
    ``create_if_needed`` a new one is made if there is none, and with ``ttl`` in any case, so that
    it lives as long as asked for; older ones of the same description are deleted.

    CLI Example:

    .. code-block:: bash

        salt '*' kubeadm.join_params create_if_needed=True
    """
    fitting = [
        token["token"]
        for token in token_list()
        if set(("authentication", "signing")) <= set(token["usages"])
        and (description is None or token["description"] == description)
    ]
    token = fitting[0] if fitting else None
    if create_if_needed and (token is None or ttl):
        token = token_create(description=description, ttl=ttl)
        if description:
            for old in fitting:
                token_delete(old)
    if token is None:
        raise CommandExecutionError("there is no valid token; ask with create_if_needed=True")
    return {
        "api-server-endpoint": _endpoint(),
        "token": token,
        "discovery-token-ca-cert-hash": _authority_hash(),
    }


def token_list():
    """
    Give the valid tokens: token, ttl, expires, usages, description, extra groups.

    CLI Example:

    .. code-block:: bash

        salt '*' kubeadm.token_list
    """
    tokens = []
    for line in _run(["token", "list"]).splitlines()[1:]:
        # Columns are at least three blanks apart; a description may hold single ones.
        cells = re.split(r"\s{3,}", line.strip())
        if len(cells) < 6:
            continue
        cells = ["" if cell == "<none>" else cell for cell in cells]
        tokens.append(
            {
                "token": cells[0],
                "ttl": cells[1],
                "expires": cells[2],
                "usages": [usage for usage in cells[3].split(",") if usage],
                "description": cells[4],
                "extra groups": [group for group in cells[5].split(",") if group],
            }
        )
    return tokens


def token_create(token=None, description=None, ttl=None, usages=None, groups=None, config=None):
    """
    Make a token and give it.

    CLI Example:

    .. code-block:: bash

        salt '*' kubeadm.token_create description='for tonight' ttl=8h
    """
    command = ["token", "create"]
    if token:
        command.append(token)
    named = (
        ("--config", config),
        ("--description", description),
        ("--groups", groups),
        ("--ttl", ttl),
        ("--usages", usages),
    )
    for flag, value in named:
        if value is not None:
            command += [flag, _text(value)]
    return _run(command).split()[-1]


def token_delete(token):
    """
    Delete a token, given by its id or its full text.

    CLI Example:

    .. code-block:: bash

        salt '*' kubeadm.token_delete abcdef
    """
    # The id is enough; the secret half need not be in a process list.
    _run(["token", "delete", token.split(".")[0]])
    return True


def token_revoke(description):
    """
    Delete all tokens of a description; give their ids. A node that is no control plane has none.

    CLI Example:

    .. code-block:: bash

        salt '*' kubeadm.token_revoke 'kubic join'
    """
    if not os.path.exists(path(ADMIN_CONF)):
        return []
    tokens = [token["token"] for token in token_list() if token["description"] == description]
    for token in tokens:
        token_delete(token)
    return [token.split(".")[0] for token in tokens]


def reset():
    """
    Forget what init or join did on this node.

    CLI Example:

    .. code-block:: bash

        salt '*' kubeadm.reset
    """
    return _run(["reset", "-f"])


def nodes():
    """
    Give the nodes as the control plane sees them: name to roles and whether it is ready.

    CLI Example:

    .. code-block:: bash

        salt '*' kubeadm.nodes
    """
    output = _run(
        ["--kubeconfig", path(ADMIN_CONF), "get", "nodes", "-o", "json"], program="kubectl"
    )
    known = {}
    for item in json.loads(output)["items"]:
        prefix = "node-role.kubernetes.io/"
        labels = item["metadata"].get("labels", {})
        conditions = item.get("status", {}).get("conditions", [])
        known[item["metadata"]["name"]] = {
            "roles": sorted(name[len(prefix):] for name in labels if name.startswith(prefix)),
            "ready": any(
                condition["type"] == "Ready" and condition["status"] == "True"
                for condition in conditions
            ),
        }
    return known


def own_address():
    """
    Give this node's address: the one it was described with, or the one it uses to the master.

    CLI Example:

    .. code-block:: bash

        salt '*' kubeadm.own_address
    """
    described = _node().get("address")
    if described:
        return described
    master = __opts__.get("master_ip") or "192.0.2.1"
    family = socket.AF_INET6 if ":" in master else socket.AF_INET
    probe = socket.socket(family, socket.SOCK_DGRAM)
    try:
        # Nothing is sent; the kernel only chooses the address.
        probe.connect((master.strip("[]"), 9))
        return probe.getsockname()[0]
    finally:
        probe.close()


def _node():
    describe = __salt__.get("microos.node") if hasattr(__salt__, "get") else None
    return describe() if describe else {}


def _root():
    return _node().get("root") or "/"


def _run(arguments, program="kubeadm"):
    root = _root()
    # For a stand-in whose node is a folder; the real program does not look at it.
    environment = {} if root == "/" else {"KUBEADM_ROOT": root}
    result = __salt__["cmd.run_all"](
        [program] + arguments,
        python_shell=False,
        env=environment,
        ignore_retcode=True,
        output_loglevel="quiet",
    )
    if result["retcode"] != 0:
        # The verb only: the arguments may hold a token.
        verb = " ".join(word for word in arguments[:2] if not word.startswith("-"))
        raise CommandExecutionError(
            "{} {} ended with {}: {}".format(
                program, verb, result["retcode"], result["stderr"] or result["stdout"]
            )
        )
    return result["stdout"]


def _flags(known, options):
    given = {
        name: value
        for name, value in options.items()
        if not name.startswith("__") and value is not None and value is not False
    }
    unknown = sorted(set(given) - set(row[0] for row in known))
    if unknown:
        raise CommandExecutionError("kubeadm has no option {}".format(", ".join(unknown)))
    if not given:
        return []
    text = version()
    match = re.match(r"v?(\d+)\.(\d+)", text)
    if not match:
        raise CommandExecutionError("kubeadm has the version {!r}?".format(text))
    installed = (int(match.group(1)), int(match.group(2)))
    flags = []
    for name in sorted(given):
        flag = [row[1] for row in known if row[0] == name and row[2] <= installed < row[3]]
        if not flag:
            raise CommandExecutionError("kubeadm {} has no option {}".format(text, name))
        flags.append(flag[0])
        if given[name] is not True:
            flags.append(_text(given[name]))
    return flags


def _text(value):
    if isinstance(value, dict):
        return ",".join("{}={}".format(key, value[key]) for key in value)
    if isinstance(value, (list, tuple)):
        return ",".join("{}".format(item) for item in value)
    return "{}".format(value)


def _endpoint():
    with open(path(ADMIN_CONF), encoding="utf-8") as lines:
        for line in lines:
            found = re.match(r"\s*server:\s*https://(\S+)", line)
            if found:
                return found.group(1).rstrip("/")
    raise CommandExecutionError("no server in {}".format(path(ADMIN_CONF)))


def _authority_hash():
    with open(path(CA_CERTIFICATE), encoding="utf-8") as file:
        pem = file.read()
    found = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END", pem, re.DOTALL)
    if not found:
        raise CommandExecutionError("no certificate in {}".format(path(CA_CERTIFICATE)))
    key = public_key_info(base64.b64decode(found.group(1)))
    return "sha256:" + hashlib.sha256(key).hexdigest()


def public_key_info(certificate):
    """
    Give the public key's part of a certificate in DER: what the pinned hash is made of.

    Read here, so that no openssl program is needed on the node and any kind of key will do.
    """
    body = _inner(certificate, 0)[0]
    place = _inner(certificate, body)[0]
    # Version (explicit, may be missing), serial, algorithm, issuer, validity, subject; then it.
    before = 6 if certificate[place] == 0xA0 else 5
    for _ in range(before):
        place = _inner(certificate, place)[1]
    return certificate[place : _inner(certificate, place)[1]]


def _inner(data, place):
    """
    Give where the content of the DER element at ``place`` begins and where it ends.
    """
    length = data[place + 1]
    begin = place + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[begin : begin + size], "big")
        begin += size
    return begin, begin + length
