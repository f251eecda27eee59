"""A hub on this machine whose project servers are pods; the test that starts it says where in its environment."""

import os

from hub.node import proxy_command

c = get_config()  # noqa: F821
port = int(os.environ["TEST_PORT"])
c.JupyterHub.spawner_class = os.environ["TEST_SPAWNER"]
c.JupyterHub.authenticator_class = "null"
c.JupyterHub.bind_url = f"http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = f"http://{os.environ['TEST_HUB_ADDRESS']}:{port + 1}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{port + 2}"
c.ConfigurableHTTPProxy.command = proxy_command()
c.JupyterHub.db_url = f"sqlite:///{os.environ['TEST_FOLDER']}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{os.environ['TEST_FOLDER']}/cookie"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.allow_named_servers = True
c.JupyterHub.services = [{"name": "tester", "api_token": os.environ["TEST_TOKEN"]}]
scopes = ["admin:users", "admin:servers", "access:servers", "tokens"]
c.JupyterHub.load_roles = [{"name": "tester", "scopes": scopes, "services": ["tester"]}]
c.KubeSpawner.namespace = os.environ["TEST_NAMESPACE"]
c.KubeSpawner.image = os.environ["TEST_SERVER_IMAGE"]
c.KubeSpawner.image_pull_policy = "IfNotPresent"
c.KubeSpawner.mem_limit = "1G"
c.KubeSpawner.mem_guarantee = "128M"
c.KubeSpawner.cpu_guarantee = 0.05
c.KubeSpawner.start_timeout = c.KubeSpawner.http_timeout = 180
c.KubeSpawner.storage_class = "manual"
c.KubeSpawner.storage_access_modes = ["ReadWriteOnce"]
c.KubeSpawner.storage_capacity = "1Gi"
c.KubernetesProjectSpawner.platform_api_url = f"http://{os.environ['TEST_HUB_ADDRESS']}:{port + 3}"
if os.environ["TEST_SPAWNER"] == "kubespawner.KubeSpawner":
    c.KubeSpawner.cmd = ["python3", "-m", "jupyterhub.singleuser"]
    c.KubeSpawner.environment = {"HOME": "/tmp"}
if "TEST_WITHOUT_VOLUME" in os.environ:
    c.KubeSpawner.storage_pvc_ensure = False
    c.KubeSpawner.volumes = [{"name": name, "emptyDir": {}} for name in ("project", "scratch")]
