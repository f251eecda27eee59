"""What an operator may set: the chart's values, typed. `values.yaml` and its schema are made of these classes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$|^$")]
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
Json = dict[str, object]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Resources(_Part):
    """Requests and limits of a container."""

    cpu: Quantity = "100m"
    """CPU that is reserved."""
    memory: Quantity = "256Mi"
    """Memory that is reserved."""
    memoryLimit: Quantity = "1Gi"  # noqa: N815 - as Kubernetes spells it
    """Memory at which the container is ended."""


def _resources(cpu: str, memory: str, limit: str) -> Resources:
    return Resources(cpu=cpu, memory=memory, memoryLimit=limit)


class Images(_Part):
    """Images; build them from deploy/images, or name your own."""

    hub: str = "ghcr.io/collegium/hub:0.1.0"
    """Of hub, proxy, service, workers and culler."""
    server: str = "ghcr.io/collegium/server:0.1.0"
    """Of project servers and grading."""
    pullPolicy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"  # noqa: N815
    """When nodes pull."""
    pullSecrets: list[Name] = []  # noqa: N815
    """Names of Secrets with the credentials of the registry."""


class Secrets(_Part):
    """Secrets that the parts show each other."""

    existing: Name = ""
    """Name of a Secret with the keys proxy, service, operator, cookie (each 64 hexadecimal digits). Empty: Helm makes
    one at the first installation and keeps it; `collegium deploy secrets` prints one for those without Helm."""


class Database(_Part):
    """The platform's database."""

    existingSecret: Name = ""  # noqa: N815
    """Name of a Secret whose keys `url` and `hub-url` hold SQLAlchemy addresses of two PostgreSQL databases, such as
    postgresql+psycopg://user:password@host/collegium. Empty: SQLite on the data volume, for trials with one node."""
    bundled: bool = False
    """Run a PostgreSQL in the namespace, for trials: one copy, no backup."""
    image: str = "docker.io/library/postgres:17"
    """Of the bundled one."""
    storage: Quantity = "8Gi"
    """Size of the bundled one's volume."""


class ObjectStore(_Part):
    """S3-compatible store for submissions and other contents."""

    existingSecret: Name = ""  # noqa: N815
    """Name of a Secret with the environment of the store: its keys become variables of service and workers
    (COLLEGIUM_BLOB_STORE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY). Empty: a folder on the data volume."""
    bundled: bool = False
    """Run a MinIO in the namespace, for trials: one copy, no backup."""
    image: str = "quay.io/minio/minio:latest"
    """Of the bundled one."""
    storage: Quantity = "20Gi"
    """Size of the bundled one's volume."""


class Storage(_Part):
    """The volume that projects, and what is not in the database, lie on."""

    existingClaim: Name = ""  # noqa: N815
    """Name of a claim that exists. Empty: one is made, and kept when the chart is removed."""
    className: str = ""  # noqa: N815
    """Storage class; empty for the cluster's own."""
    accessMode: Literal["ReadWriteMany", "ReadWriteOnce"] = "ReadWriteMany"  # noqa: N815
    """ReadWriteOnce binds everything to one node."""
    size: Quantity = "100Gi"
    """Size of the claim."""
    perProject: bool = False  # noqa: N815
    """Give each project a claim of its own instead of a folder of this one. Kernel pods and the service then do not
    see the project's files: collecting assignments and pipeline Jobs need them."""
    projectSize: Quantity = "10Gi"  # noqa: N815
    """Size of each such claim."""


class Ingress(_Part):
    """How people reach the platform."""

    enabled: bool = False
    """Make an Ingress."""
    className: str = ""  # noqa: N815
    """Ingress class."""
    host: str = ""
    """Such as notebooks.example.org."""
    tlsSecret: Name = ""  # noqa: N815
    """Secret with the certificate; with wildcardDomain it is for *.wildcardDomain, too."""
    annotations: dict[str, str] = {}
    """Of the Ingress; let it pass WebSockets for hours and bodies of 1 GB."""


class Hub(_Part):
    """JupyterHub: one copy, which may restart at any time."""

    resources: Resources = _resources("100m", "256Mi", "1Gi")
    """Requests and limits."""


class Proxy(_Part):
    """The proxy in front of everything."""

    serviceType: Literal["ClusterIP", "LoadBalancer", "NodePort"] = "ClusterIP"  # noqa: N815
    """LoadBalancer where there is no Ingress."""
    nodePort: Annotated[int, Field(ge=0, le=32767)] = 0  # noqa: N815
    """Port of the nodes, for NodePort; 0 lets the cluster choose."""
    resources: Resources = _resources("100m", "128Mi", "512Mi")
    """Requests and limits."""


class Service(_Part):
    """The platform service: pages, API."""

    replicas: Annotated[int, Field(ge=1, le=50)] = 1
    """Copies. More than one needs PostgreSQL, or one node."""
    resources: Resources = _resources("200m", "256Mi", "1Gi")
    """Requests and limits."""


class Grading(_Part):
    """Workers that have submissions graded."""

    replicas: Annotated[int, Field(ge=0, le=50)] = 1
    """Copies; each has one submission graded at a time."""
    resources: Resources = _resources("50m", "192Mi", "512Mi")
    """Of a worker. What a submission may use is set by `jobs`."""


class Jobs(_Part):
    """Jobs for grading and pipeline steps."""

    image: str = ""
    """Empty: images.server."""
    memory: Quantity = "1Gi"
    """Limit of each that does not ask for more."""
    cpu: Quantity = "1"
    """Limit of each that does not ask for more."""
    scratch: Quantity = "1Gi"
    """Size of its temporary folder."""
    maximum: Annotated[int, Field(ge=0)] = 0
    """How many Jobs may exist in the namespace at a time (a ResourceQuota); 0 for no bound."""
    queue: str = ""
    """Value of the label kueue.x-k8s.io/queue-name; empty without Kueue."""
    secondsToKeep: Annotated[int, Field(ge=60)] = 600  # noqa: N815
    """How long an ended Job stays, to be looked at."""
    backoffLimit: Annotated[int, Field(ge=0, le=10)] = 2  # noqa: N815
    """How often the cluster starts a pod again that was lost (an evicted one, a lost node)."""
    networkSeconds: Annotated[int, Field(ge=1, le=3600)] = 300  # noqa: N815
    """How long a pod that grades waits for network policies to be in force for it. Nothing is graded before; after so
    long the grading is tried again, and in the end left to a person."""


class Servers(_Part):
    """Project servers."""

    cpu: Quantity = "50m"
    """CPU that each reserves."""
    cpuLimit: Quantity = "4"  # noqa: N815
    """CPU at most."""
    memory: Quantity = "256Mi"
    """Memory that each reserves."""
    memoryLimit: Quantity = "4Gi"  # noqa: N815
    """Memory at most, for the server and the kernels in it."""
    idleSeconds: Annotated[int, Field(ge=0)] = 7200  # noqa: N815
    """The culler stops a server after so long without anybody; 0 for never."""
    startSeconds: Annotated[int, Field(ge=10)] = 300  # noqa: N815
    """How long a start may take, waiting for a node included."""
    nodeSelector: dict[str, str] = {}  # noqa: N815
    """Nodes that servers, kernels and Jobs run on."""
    tolerations: list[Json] = []
    """Of servers, kernels and Jobs."""


class Kernel(_Part):
    """A kernel with a pod of its own that people can choose."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$")]
    """Of the kernelspec."""
    displayName: str  # noqa: N815
    """What people see."""
    image: str = ""
    """Empty: images.server. Needs ipykernel 7.3 or later, /bin/sh and cp."""
    memory: Quantity = "4Gi"
    """Limit."""
    memoryRequest: Quantity = "512Mi"  # noqa: N815
    """Reserved."""
    cpu: Quantity = "2"
    """Limit."""
    cpuRequest: Quantity = "100m"  # noqa: N815
    """Reserved."""
    scratch: Quantity = "4Gi"
    """Size of its temporary folder."""
    resources: dict[str, int] = {}
    """More, such as nvidia.com/gpu: 1 or nvidia.com/mig-1g.10gb: 1."""
    nodeSelector: dict[str, str] = {}  # noqa: N815
    """Nodes; those of `servers` by default."""
    tolerations: list[Json] = []
    """Such as for GPU nodes."""
    idleSeconds: Annotated[int, Field(ge=0)] = 3600  # noqa: N815
    """Stopped after so long without work; 0 for the server's own rule."""
    deadlineSeconds: Annotated[int, Field(ge=0)] = 0  # noqa: N815
    """Ended by the cluster after so long, whatever it does; 0 for never."""
    warm: Annotated[int, Field(ge=0)] = 0
    """How many to keep started ahead. Such kernels do not see the project's files."""
    warmMaximum: Annotated[int, Field(ge=0)] = 10  # noqa: N815
    """How many at most, when demand is high."""
    preload: list[str] = ["numpy", "pandas", "matplotlib.pyplot"]
    """What warm ones have imported."""


class Switch(_Part):
    """A part that can be left out."""

    enabled: bool = True
    """Whether it is there."""


class NetworkPolicies(Switch):
    """Who may talk to whom. Ignored, silently, by clusters without a controller that enforces them."""

    blockedAddresses: list[str] = ["169.254.169.254/32", "169.254.170.2/32"]  # noqa: N815
    """Metadata addresses of clouds (IPv4; no IPv6 address is reachable): out of reach of every part. Credentials of an
    object store are given by a Secret."""
    privateAddresses: list[str] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]  # noqa: N815
    """Not reachable from servers and kernels either, except for DNS and the platform itself."""
    internet: bool = True
    """Whether servers and kernels reach the internet."""


class Monitoring(_Part):
    """Metrics."""

    serviceMonitor: bool = False  # noqa: N815
    """Make a ServiceMonitor, for the Prometheus operator."""


class Values(_Part):
    """Values of the chart."""

    publicUrl: str = ""  # noqa: N815
    """Address that people use, with the final slash. Empty: from the Ingress, else http://localhost:8000/."""
    wildcardDomain: str = ""  # noqa: N815
    """Domain below which each project has a host of its own, such as projects.example.org: code of a project is in
    another origin then than the platform and every other project. Needs a wildcard entry in the DNS. Empty: one origin
    for all."""
    admin: str = "admin"
    """User name of the first administrator."""
    images: Images = Images()
    """Images."""
    secrets: Secrets = Secrets()
    """Secrets."""
    database: Database = Database()
    """Database."""
    objectStore: ObjectStore = ObjectStore()  # noqa: N815
    """Object store."""
    storage: Storage = Storage()
    """Storage."""
    ingress: Ingress = Ingress()
    """Ingress."""
    hub: Hub = Hub()
    """Hub."""
    proxy: Proxy = Proxy()
    """Proxy."""
    service: Service = Service()
    """Service."""
    grading: Grading = Grading()
    """Grading."""
    jobs: Jobs = Jobs()
    """Jobs."""
    servers: Servers = Servers()
    """Servers."""
    kernels: list[Kernel] = []
    """Kernels with pods of their own, besides those that run within project servers."""
    culler: Switch = Switch()
    """Stops idle servers."""
    prePuller: Switch = Switch()  # noqa: N815
    """Has every node pull the images before anybody waits for them."""
    networkPolicies: NetworkPolicies = NetworkPolicies()  # noqa: N815
    """Network policies."""
    monitoring: Monitoring = Monitoring()
    """Monitoring."""
    environment: dict[str, str] = {}
    """More variables of hub, service and workers: any setting of the platform as COLLEGIUM_…."""
