"""What a cluster has beside Kubernetes' own programs: names of services, and network policies that are enforced.

python deploy/testcluster/network.py ADDRESS TOKEN_FILE CA_FILE

Answers DNS for the cluster's services on the node's address and passes other questions on; translates NetworkPolicies
into firewall rules for the node's pods, as a policy controller does. One process, ended by a signal.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from layout import NODE_IP, POD_NETWORK

DOMAIN = "svc.cluster.local"
CHAIN = "COLLEGIUM-POLICY"
MARK = "0x1000000/0x1000000"
RETRY_SECONDS = 0.5
SLOW_SECONDS = 1.0
Found = dict[str, Any]


class Mirror(threading.Thread):
    """Keeps a copy of all objects of one kind."""

    def __init__(self, address: str, path: str, token: str, context: ssl.SSLContext, changed: threading.Event) -> None:
        super().__init__(daemon=True)
        self._url, self._token, self._context, self._changed = f"{address}{path}", token, context, changed
        self.objects: dict[str, Found] = {}

    def run(self) -> None:
        """List, then follow; again and again."""
        while True:
            # An API server that is ended cuts its answers off within a line.
            with contextlib.suppress(OSError, ValueError, KeyError, http.client.HTTPException):
                with self._open("") as answer:
                    listed = json.loads(answer.read())
                self.objects = {item["metadata"]["uid"]: item for item in listed["items"]}
                self._changed.set()
                with self._open(f"?watch=1&resourceVersion={listed['metadata']['resourceVersion']}") as answer:
                    for line in answer:
                        self._take(json.loads(line))
            time.sleep(RETRY_SECONDS)

    def _take(self, event: Found) -> None:
        thing = event["object"]
        if event["type"] == "ERROR":
            raise ValueError(thing.get("message"))
        if event["type"] == "DELETED":
            self.objects.pop(thing["metadata"]["uid"], None)
        else:
            self.objects[thing["metadata"]["uid"]] = thing
        self._changed.set()

    def _open(self, query: str) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(self._url + query, headers=headers)  # noqa: S310 - of the cluster
        return urllib.request.urlopen(request, timeout=300, context=self._context)  # noqa: S310


class Names(socketserver.BaseRequestHandler):
    """Answers one question."""

    services: Mirror
    upstream: str

    def handle(self) -> None:
        """Answer for the cluster's domain, or ask whom the machine asks."""
        packet, answering = self.request
        name, kind = _question(packet)
        if not name.endswith(".cluster.local"):
            answering.sendto(self._ask(packet), self.client_address)
            return
        address = self._address(name)
        end = 12 + len(name) + 2 + 4
        flags = 0x8580 if address else 0x8583  # an answer with authority; 3: there is no such name
        records = 1 if address and kind == 1 else 0
        answer = packet[:2] + struct.pack(">HHHHH", flags, 1, records, 0, 0) + packet[12:end]
        if records and address:
            answer += struct.pack(">HHHIH", 0xC00C, 1, 1, 5, 4) + socket.inet_aton(address)
        answering.sendto(answer, self.client_address)

    def _address(self, name: str) -> str:
        parts = name.removesuffix(f".{DOMAIN}").split(".")
        for service in list(self.services.objects.values()):
            if [service["metadata"]["name"], service["metadata"]["namespace"]] == parts:
                address = str(service["spec"].get("clusterIP", ""))
                return "" if address == "None" else address
        return ""

    def _ask(self, packet: bytes) -> bytes:
        refused = packet[:2] + struct.pack(">HHHHH", 0x8182, 1, 0, 0, 0) + packet[12:]
        if not self.upstream:
            return refused
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(3)
            try:
                asking.sendto(packet, (self.upstream, 53))
                return asking.recv(4096)
            except OSError:
                return refused


def _question(packet: bytes) -> tuple[str, int]:
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode(errors="replace").lower())
        at += packet[at] + 1
    return ".".join(labels), int(struct.unpack(">H", packet[at + 1 : at + 3])[0])


def selects(selector: Found | None, labels: dict[str, str]) -> bool:
    """Whether a label selector takes these labels."""
    if selector is None:
        return False
    for name, value in (selector.get("matchLabels") or {}).items():
        if labels.get(name) != value:
            return False
    for rule in selector.get("matchExpressions") or []:
        value, values = labels.get(rule["key"]), rule.get("values", [])
        holds = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[rule["operator"]]
        if not holds:
            return False
    return True


def firewall(pods: list[Found], policies: list[Found], namespaces: dict[str, dict[str, str]]) -> list[str]:
    """The rules, in the form of iptables-restore, that let through what the policies allow and nothing else."""
    chains, rules = [CHAIN], [f"-A {CHAIN} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"]
    own: list[str] = []
    living = [p for p in pods if p["status"].get("podIP") and p["status"].get("phase") in ("Pending", "Running")]
    for number, pod in enumerate(living):
        for direction, option, peer_option in (("Egress", "-s", "-d"), ("Ingress", "-d", "-s")):
            chosen = [policy for policy in policies if _applies(policy, pod, direction)]
            if not chosen:
                continue
            chain = f"{CHAIN[:12]}-{direction[0]}{number}"
            chains.append(chain)
            rules.append(f"-A {CHAIN} {option} {pod['status']['podIP']} -j {chain}")
            own.append(f"-A {chain} -j MARK --set-xmark 0x0/0x1000000")
            for policy in chosen:
                for rule in policy["spec"].get(direction.lower()) or []:
                    own += _allow(chain, chains, rule, peer_option, policy, living, namespaces, direction)
            own.append(f"-A {chain} -m mark ! --mark {MARK} -j DROP")
    return ["*filter", *(f":{chain} - [0:0]" for chain in chains), *rules, *own, "COMMIT", ""]


def _applies(policy: Found, pod: Found, direction: str) -> bool:
    return (
        policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
        and direction in policy["spec"].get("policyTypes", ["Ingress"])
        and selects(policy["spec"].get("podSelector") or {}, pod["metadata"].get("labels") or {})
    )


def _allow(
    chain: str,
    chains: list[str],
    rule: Found,
    option: str,
    policy: Found,
    pods: list[Found],
    namespaces: dict[str, dict[str, str]],
    direction: str,
) -> Iterator[str]:
    ports = [""]
    if rule.get("ports"):
        ports = [f"-p {p.get('protocol', 'TCP').lower()} --dport {p['port']}" for p in rule["ports"]]
    peers = rule.get("to" if direction == "Egress" else "from")
    for port in ports:
        if not peers:
            yield f"-A {chain} {port} -j MARK --set-xmark {MARK}"
        for peer in peers or []:
            if block := peer.get("ipBlock"):
                inner = f"{chain}-{len(chains)}"
                chains.append(inner)
                yield f"-A {chain} {option} {block['cidr']} {port} -j {inner}"
                for out in block.get("except", []):
                    yield f"-A {inner} {option} {out} -j RETURN"
                yield f"-A {inner} -j MARK --set-xmark {MARK}"
                continue
            for other in pods:
                if _is_peer(peer, other, policy["metadata"]["namespace"], namespaces):
                    yield f"-A {chain} {option} {other['status']['podIP']} {port} -j MARK --set-xmark {MARK}"


def _is_peer(peer: Found, pod: Found, namespace: str, namespaces: dict[str, dict[str, str]]) -> bool:
    own = pod["metadata"]["namespace"]
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"] or {}, namespaces.get(own, {})):
            return False
    elif own != namespace:
        return False
    return selects(peer.get("podSelector") or {}, pod["metadata"].get("labels") or {})


def hook() -> None:
    """Have the pods' packets go through our chain; those to the node itself as well."""
    remove()
    subprocess.run(["iptables", "-w", "-N", CHAIN], check=True)
    subprocess.run(["iptables", "-w", "-I", "FORWARD", "-j", CHAIN], check=True)
    subprocess.run(["iptables", "-w", "-I", "INPUT", "-s", POD_NETWORK, "-j", CHAIN], check=True)


def remove() -> None:
    """Take every chain of ours away."""
    for place in (["FORWARD"], ["INPUT", "-s", POD_NETWORK]):
        _quiet("iptables", "-w", "-D", *place, "-j", CHAIN)
    listed = _quiet("iptables", "-w", "-S").splitlines()
    ours = [line.split()[1] for line in listed if line.startswith(f"-N {CHAIN[:12]}")]
    for command in ("-F", "-X"):
        for chain in ours:
            _quiet("iptables", "-w", command, chain)


def _quiet(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def _upstream() -> str:
    for line in Path("/etc/resolv.conf").read_text().splitlines():
        words = line.split()
        if words[:1] == ["nameserver"] and ipaddress.ip_address(words[1]).version == 4:
            return words[1]
    return ""


def main() -> None:
    """Follow the cluster until a signal."""
    address, tokens, authority = sys.argv[1:4]
    token = Path(tokens).read_text().partition(",")[0]
    context, changed = ssl.create_default_context(cafile=authority), threading.Event()

    def mirror(path: str) -> Mirror:
        made = Mirror(address, path, token, context, changed)
        made.start()
        return made

    pods, services = mirror("/api/v1/pods"), mirror("/api/v1/services")
    policies, spaces = mirror("/apis/networking.k8s.io/v1/networkpolicies"), mirror("/api/v1/namespaces")
    Names.services, Names.upstream = services, _upstream()
    server = socketserver.ThreadingUDPServer((NODE_IP, 53), Names)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook()
    applied: list[str] = []
    while True:
        changed.wait()
        changed.clear()
        labels = {n["metadata"]["name"]: n["metadata"].get("labels") or {} for n in list(spaces.objects.values())}
        rules = firewall(list(pods.objects.values()), list(policies.objects.values()), labels)
        if rules != applied:
            began = time.monotonic()
            subprocess.run(["iptables-restore", "-w", "--noflush"], input="\n".join(rules), text=True, check=True)
            applied = rules
            if (seconds := time.monotonic() - began) > SLOW_SECONDS:
                print(f"{len(rules)} rules took {seconds:.1f} s", flush=True)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
