"""
What a node of a cluster is: its control plane, or joined to it.

No token appears in a result, a comment or a rendered SLS: a joining node reads it from the mine
at the moment it needs it.
"""

import os
import time

from salt.exceptions import CommandExecutionError

__virtualname__ = "kubeadm"

ADMIN_CONF = "/etc/kubernetes/admin.conf"
KUBELET_CONF = "/etc/kubernetes/kubelet.conf"


def __virtual__():
    return __virtualname__


def initialized(name, pod_network_cidr=None, address=None, node_name=None, **options):
    """
    This node is the control plane of a cluster.
    """
    if os.path.exists(__salt__["kubeadm.path"](ADMIN_CONF)):
        return _result(name, True, "This node is a control plane already")
    if __opts__["test"]:
        return _result(name, None, "This node would become a control plane")
    options = _own(options)
    options.setdefault("skip_token_print", True)
    # Nobody is told the token that init makes: workers get one of their own.
    options.setdefault("token_ttl", "10m")
    options["apiserver_advertise_address"] = address or __salt__["kubeadm.own_address"]()
    options["pod_network_cidr"] = pod_network_cidr
    options["node_name"] = node_name or _described_name()
    try:
        __salt__["kubeadm.init"](**options)
    except CommandExecutionError as error:
        return _result(name, False, "{}".format(error))
    changes = {"control plane": options["apiserver_advertise_address"]}
    return _result(name, True, "This node became a control plane", changes)


def joined(name, control_plane, mine_function="join_params", node_name=None, **options):
    """
    This node has joined the cluster of the minion ``control_plane``.
    """
    if os.path.exists(__salt__["kubeadm.path"](KUBELET_CONF)):
        return _result(name, True, "This node has joined already")
    if __opts__["test"]:
        return _result(name, None, "This node would join")
    offered = __salt__["mine.get"](control_plane, mine_function, "list")
    params = (offered or {}).get(control_plane)
    if not params:
        return _result(
            name,
            False,
            "{} offers no {} to this node: is it sent to the mine, and may this node read it?"
            .format(control_plane, mine_function),
        )
    options = _own(options)
    options["token"] = params["token"]
    options["discovery_token_ca_cert_hash"] = params["discovery-token-ca-cert-hash"]
    options["node_name"] = node_name or _described_name()
    try:
        __salt__["kubeadm.join"](params["api-server-endpoint"], **options)
    except CommandExecutionError as error:
        return _result(name, False, "{}".format(error))
    changes = {"joined": params["api-server-endpoint"]}
    return _result(name, True, "This node has joined", changes)


def nodes_known(name, count, timeout=120):
    """
    The control plane knows ``count`` nodes, at the latest after ``timeout`` seconds.
    """
    deadline = time.time() + float(timeout)
    while True:
        try:
            known = __salt__["kubeadm.nodes"]()
            comment = "{} of {} nodes: {}".format(len(known), count, ", ".join(sorted(known)))
            if len(known) >= int(count):
                return _result(name, True, comment)
        except CommandExecutionError as error:
            comment = "{}".format(error)
        if time.time() >= deadline:
            return _result(name, False, comment)
        time.sleep(1)


def _described_name():
    # A node that is a folder shares its host's name with the others.
    facts = __salt__["microos.node"]()
    return facts["hostname"] if facts["root"] != "/" else None


def _own(options):
    return {name: value for name, value in options.items() if not name.startswith("__")}


def _result(name, result, comment, changes=None):
    return {"name": name, "result": result, "comment": comment, "changes": changes or {}}
