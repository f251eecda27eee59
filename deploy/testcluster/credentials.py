"""Certificates, tokens and the kubeconfig files made of them."""

from __future__ import annotations

import json
import secrets
import subprocess

from layout import API_PORT, NODE_IP, NODE_NAME, SERVICE_IP, Layout

USERS = {
    "admin": ("admin", "system:masters"),
    "controllers": ("system:kube-controller-manager", "system:kube-controller-manager"),
    "proxy": ("system:kube-proxy", "system:node-proxiers"),
    "scheduler": ("system:kube-scheduler", "system:kube-scheduler"),
    "kubelet": (f"system:node:{NODE_NAME}", "system:nodes"),
}
NAMES = f"IP:127.0.0.1,IP:{SERVICE_IP},IP:{NODE_IP},DNS:localhost,DNS:kubernetes,DNS:kubernetes.default.svc"


def _openssl(where: Layout, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=where.keys, check=True, capture_output=True)


def make(where: Layout) -> None:
    """Make everything anew; the cluster's state is new at every start as well."""
    where.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    (where.keys / "names").write_text(f"subjectAltName={NAMES}")
    signing = "-CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile names"
    _openssl(where, "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=test-ca")
    _openssl(where, "req -newkey rsa:2048 -nodes -keyout api.key -out api.csr -subj /CN=kube-apiserver")
    _openssl(where, f"x509 -req -in api.csr -out api.crt {signing}")
    _openssl(where, "genrsa -out accounts.key 2048")
    _openssl(where, "rsa -in accounts.key -pubout -out accounts.pub")
    lines = []
    for number, (file, (user, group)) in enumerate(USERS.items(), 1):
        token = secrets.token_hex(16)
        lines.append(f'{token},{user},{number},"{group}"\n')
        _kubeconfig(where, file, token)
    (where.keys / "tokens.csv").write_text("".join(lines))


def _kubeconfig(where: Layout, file: str, token: str) -> None:
    cluster = {"server": f"https://{NODE_IP}:{API_PORT}", "certificate-authority": str(where.keys / "ca.crt")}
    path = where.run / f"{file}.conf"
    path.touch(mode=0o600)
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "test", "cluster": cluster}],
                "users": [{"name": file, "user": {"token": token}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": file}}],
                "current-context": "test",
            },
            indent=1,
        )
    )
