"""JupyterHub's configuration, made from the platform's settings (read by the `jupyterhub` command)."""

from pathlib import Path

from hub import group_admin, logs, project_domains, runtime
from hub.authenticator import ALWAYS_REFRESH
from hub.cluster import cluster_of
from hub.hub_database import survive_cut_connections
from hub.jupyterhub_api import PROJECTS_USER
from hub.oauth_confirmation import NoConfirmation
from hub.page_headers import page_headers
from hub.settings import load
from spawner import LocalProjectSpawner

settings = load().settings
tokens = runtime.tokens(settings)
ports = runtime.read_ports(settings)
service_scope = f"access:services!service={runtime.SERVICE_NAME}"
projects = f"user={PROJECTS_USER}"
is_https = settings.public_url.startswith("https://")

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - given by traitlets

c.JupyterHub.bind_url = f"http://{settings.host}:{settings.port}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{ports.hub}"
c.JupyterHub.db_url = settings.hub_database_url
survive_cut_connections()
c.JupyterHub.cookie_secret = bytes.fromhex(tokens.cookie)
c.JupyterHub.default_url = f"{runtime.SERVICE_PREFIX}login"
c.JupyterHub.template_paths = [str(Path(__file__).parent / "templates")]
c.JupyterHub.log_level = settings.log_level.upper()
c.JupyterHub.logging_config = logs.jupyterhub_logging(settings)

# The supervisor runs the proxy and the service: they, the servers and the kernels outlive a hub that is restarted.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.ConfigurableHTTPProxy.should_start = False
# A proxy that was restarted knows no routes; the hub gives them back at its next look at the proxy.
c.JupyterHub.last_activity_interval = 5
c.ConfigurableHTTPProxy.auth_token = tokens.proxy
c.ConfigurableHTTPProxy.api_url = f"http://{ports.proxy_api_host}:{ports.proxy_api}"

c.JupyterHub.authenticator_class = "hub.authenticator.PlatformAuthenticator"
c.PlatformAuthenticator.service_api_url = runtime.service_api_url(ports)
c.PlatformAuthenticator.operator_token = tokens.operator
c.PlatformAuthenticator.public_url = settings.public_url
c.PlatformAuthenticator.sign_up = settings.sign_up
c.PlatformAuthenticator.sends_mail = bool(settings.smtp_host)
c.PlatformAuthenticator.providers = [
    provider.model_dump()
    | {"title": provider.title or provider.name, "client_secret": provider.client_secret.get_secret_value()}
    for provider in settings.openid_providers
]
c.Authenticator.auth_refresh_age = ALWAYS_REFRESH
c.JupyterHub.trusted_downstream_ips = settings.trusted_proxies
c.Authenticator.allow_all = True  # who has no account in the platform never gets so far
c.Authenticator.admin_users = set()  # nobody is administrator of the hub; the platform has its own administrators

# A project's server is a named server of one hub user that nobody signs in as. Who may do what in a project is
# decided in one place, the platform's policy, which every project server asks; the hub only establishes identity.
c.JupyterHub.allow_named_servers = True
c.JupyterHub.services = [
    {
        "name": runtime.SERVICE_NAME,
        "url": f"http://{ports.service_host}:{ports.service}",
        "api_token": tokens.service,
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": [service_scope],
    },
    {"name": "metrics", "api_token": tokens.metrics},
    {"name": group_admin.SERVICE_NAME, "api_token": group_admin.token_of(tokens.operator)},
]
c.JupyterHub.load_roles = [
    {
        "name": "user",
        "description": "Everybody with an account",
        "scopes": [
            service_scope,
            f"access:servers!{projects}",
            "read:users:name!user",
            "read:users:groups!user",
        ],
    },
    {
        "name": "collegium-service",
        "description": "The platform service: starts, stops and reaches project servers, reads who is in a group",
        "scopes": [
            f"servers!{projects}",
            f"access:servers!{projects}",
            f"read:users!{projects}",
            "read:hub",
            "read:groups",  # of courses that are linked with one; which there are, it may not list
        ],
        "services": [runtime.SERVICE_NAME],
    },
    {
        "name": "metrics",
        "description": "Prometheus: reads the hub's own metrics, nothing else",
        "scopes": ["read:metrics"],
        "services": ["metrics"],
    },
    {
        "name": "group-administration",
        "description": "The operator's commands: make groups and fill them",
        "scopes": list(group_admin.SCOPES),
        "services": [group_admin.SERVICE_NAME],
    },
    {
        "name": "project-servers",
        "description": "The user whose named servers are the projects' servers",
        "scopes": ["self"],
        "users": [PROJECTS_USER],
    },
]
c.JupyterHub.tornado_settings = {
    "oauth_no_confirm_list": NoConfirmation(
        {f"service-{runtime.SERVICE_NAME}"}, prefix=f"jupyterhub-user-{PROJECTS_USER}-"
    ),
    "slow_spawn_timeout": 0,
    "cookie_options": {"samesite": "Lax", **({"secure": True} if is_https else {})},
    "headers": page_headers(is_https, inline_scripts=True, projects=project_domains.origins_of_projects(settings)),
}

if cluster := cluster_of(settings):
    from hub import kubernetes_config  # the library of Kubernetes is not for one machine

    kubernetes_config.configure(c, settings, cluster, ports)
else:
    c.JupyterHub.spawner_class = LocalProjectSpawner
if settings.wildcard_domain:
    c.JupyterHub.proxy_class = "hub.host_routes.HostRoutes"
    c.HostRoutes.platform_host = project_domains.platform_host(settings)
    c.HostRoutes.wildcard_domain = settings.wildcard_domain
    # Addresses of servers as they are without the setting: the service leads on to the project's host.
    c.HostRoutes.extra_routes = {"/user/": f"http://{ports.service_host}:{ports.service}"}
    c.OwnDomain.project_origin = project_domains.project_origin(settings)
    c.OwnDomain.platform_origin = project_domains.platform_origin(settings)
    # A script of a project can set cookies for a domain that it shares with the platform, but none of these.
    c.JupyterHub.cookie_host_prefix_enabled = project_domains.has_host_cookies(settings)
    c.JupyterHub.template_vars = {
        "platform": project_domains.platform_origin(settings),
        "wildcard_domain": settings.wildcard_domain,
    }
c.Spawner.start_timeout = settings.server_start_timeout_seconds
c.Spawner.http_timeout = settings.server_start_timeout_seconds
c.LocalProjectSpawner.projects_dir = str(settings.projects_dir)
c.LocalProjectSpawner.logs_dir = str(settings.logs_dir / "projects")
c.LocalProjectSpawner.platform_api_url = runtime.service_api_url(ports)
c.LocalProjectSpawner.access_cache_seconds = settings.access_cache_seconds
c.LocalProjectSpawner.preload = settings.preload_servers
c.LocalProjectSpawner.warm_kernels = settings.warm_kernels
c.LocalProjectSpawner.run_dir = str(settings.run_dir)
c.LocalProjectSpawner.gpu_devices = settings.gpu_devices
c.LocalProjectSpawner.isolate = settings.isolate_projects
