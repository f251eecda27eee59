"""The platform's settings: one typed object from `collegium.toml`, the environment and defaults.

Each value remembers its source, so that `collegium config` can show it; a wrong value is answered with the place it
came from and the values that are allowed.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

ENV_PREFIX = "COLLEGIUM_"
FILE_VARIABLE = "COLLEGIUM_CONFIG"
FILE_NAME = "collegium.toml"
DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?")
MAX_DOMAIN_LENGTH = 253 - 31  # a project's id and a dot come before it
Port = Annotated[int, Field(ge=1, le=65535)]


class OpenIdProvider(BaseModel):
    """An OpenID Connect provider that people may sign in with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]*$",
        max_length=32,
        description="Short name in addresses; do not change it later: accounts are linked by it.",
    )
    title: str = Field("", description="Text on the button. Default: the name.")
    issuer: str = Field(description="Address of the provider, which has /.well-known/openid-configuration below it.")
    client_id: str
    client_secret: SecretStr = SecretStr("")
    scopes: list[str] = ["openid", "profile", "email"]
    groups_claim: str = Field(
        "",
        description="The claim that names a person's groups, for example groups: from each sign-in on they are in "
        "these groups of the hub and in no others. Default: the provider says nothing about groups.",
    )
    create_accounts: bool = Field(
        True, description="Whoever the provider knows gets an account at the first sign-in. False: linked people only."
    )
    link_by_verified_email: bool = Field(
        False,
        description="Link to the existing account with the same confirmed address, when the provider says that it has "
        "verified the address. Allow it only for a provider that you trust to own that domain.",
    )


class SettingsError(Exception):
    """The settings cannot be used; the message names the file and line or the variable, and what is allowed."""


def _default_data_dir() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "collegium"


class ServerProfile(BaseModel):
    """A size that project servers can have: a table `[profiles.NAME]` in `collegium.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Annotated[str, Field(max_length=60, description="Name that people see. Default: the table's name.")] = ""
    description: Annotated[str, Field(max_length=300, description="When to choose it.")] = ""
    memory_gb: Annotated[
        float | None,
        Field(gt=0, description="Memory that the server with its kernels may use; what uses more is ended."),
    ] = None
    cpus: Annotated[float | None, Field(gt=0, description="Processors that it may use.")] = None
    gpus: Annotated[int, Field(ge=0, le=64, description="GPUs that its kernels may hold.")] = 0
    idle_minutes: Annotated[
        float | None,
        Field(gt=0, description="After so long without work it is stopped. An open page is no work, running code is."),
    ] = 60


class Settings(BaseSettings):
    """Everything that can be set; the descriptions are the documentation."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on. Loopback by default: put a TLS proxy in front before using any other.",
    )
    port: Port = Field(8000, description="Port of the web address.")
    public_url: str = Field(
        "", description="Address that people use, with the final slash. Default: from host and port."
    )
    wildcard_domain: str = Field(
        "",
        description="Domain below which each project has a host of its own, for example projects.example.org: project "
        "abc is at abc.projects.example.org then, in another origin than the platform and every other project. Needs a "
        "wildcard entry in the DNS and a wildcard certificate; see the operator guide. Default: one origin for all.",
    )
    data_dir: Path = Field(
        default_factory=_default_data_dir,
        description="Folder for the database, project files, secrets and logs. Created with mode 0700.",
    )
    database_url: str = Field("", description="SQLAlchemy URL. Default: an SQLite file in data_dir.")
    hub_database_url: str = Field(
        "", description="SQLAlchemy URL of JupyterHub's own database. Default: an SQLite file in data_dir."
    )
    cluster_file: Path | None = Field(
        None,
        description="File with which the chart says how the platform runs on Kubernetes: servers and kernels are pods "
        "then, grading and pipeline steps are Jobs. Default: everything on this machine.",
    )
    secrets_dir: Path | None = Field(
        None, description="Folder of secrets that are given from outside; what it lacks is made in data_dir."
    )
    blob_store: str = Field(
        "",
        pattern=r"^($|/|s3://[a-z0-9.-]{3,63}(/|$))",
        description="Where released assignments, submissions and other immutable contents are kept: a folder, or "
        "s3://bucket/prefix (key and secret from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY). Default: in data_dir.",
    )
    s3_endpoint_url: str = Field(
        "", description="Address of an S3-compatible store that is not Amazon's, for example http://minio:9000."
    )
    admin: str = Field(
        "admin",
        pattern=r"^[a-z0-9][a-z0-9._-]*$",
        max_length=64,
        description="User name of the first administrator, created when there is no account yet.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much the parts write to data_dir/logs."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Logs as lines for people, or as one JSON object a line for programs."
    )
    access_cache_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        2.0, description="How long a project's server trusts an answer about a member's rights."
    )
    server_start_timeout_seconds: Annotated[int, Field(ge=5, le=600)] = Field(
        180, description="How long a project's server may take to start before it counts as failed."
    )
    grading_workers: Annotated[int, Field(ge=0, le=64)] = Field(
        1, description="Processes that grade submissions, started with the platform. 0: run `collegium grade worker`."
    )
    profiles: Annotated[dict[str, ServerProfile], Field(min_length=1)] = Field(
        {"standard": ServerProfile(title="Standard", description="For most notebooks.")},
        description="Sizes that project servers can have, the default first: tables [profiles.NAME].",
    )
    gpu_devices: list[str] = Field(
        [], description="Names of this machine's GPUs, as CUDA knows them. Default: those that the driver tells."
    )
    isolate_projects: Literal["auto", "require", "off"] = Field(
        "auto",
        description="Give each project's server a user id and a view of the files of its own (on one machine, needs "
        "root and Linux 5.12). auto: where the machine allows it; require: no server starts without.",
    )
    trash_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        30, description="How long a deleted project can be restored."
    )
    templates_dir: Path | None = Field(
        None, description="Folder with one folder per template for new projects, each with a README.md."
    )
    group_sync_seconds: Annotated[float, Field(ge=1)] = Field(
        300.0, description="How often courses that are linked with groups of the hub take over who is in them."
    )
    upload_limit_mb: Annotated[int, Field(ge=1)] = Field(5000, description="Size of the largest file to upload.")
    git_protocols: list[Literal["https", "http"]] = Field(
        ["https"], description="Schemes of addresses that projects may be copied from with git."
    )
    git_private_hosts: bool = Field(
        False, description="Whether repositories on this machine and in private networks may be copied."
    )
    git_timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(120.0, description="Longest clone.")
    git_limit_bytes: Annotated[int, Field(gt=0)] = Field(2_000_000_000, description="Largest repository to copy.")
    preload_servers: bool = Field(
        True,
        description="Fork project servers from a process that has imported them already (starts in a fraction of "
        "the time). Turn off to look for a fault.",
    )
    warm_kernels: bool = Field(
        True,
        description="Start the preloaded parent of a project's kernels along with its server, so that the first kernel "
        "comes at once. Turn off where memory is short: the parent then starts with the first kernel.",
    )

    sign_up: Literal["open", "invitation", "closed"] = Field(
        "closed", description="Who may make an account: everybody, holders of an invitation link, or nobody."
    )
    smtp_host: str = Field("", description="Mail server for password resets and confirmations. Empty: no mail.")
    smtp_port: Port = Field(587, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field("starttls", description="How the mail server is reached.")
    smtp_user: str = Field("", description="User name at the mail server, if it asks for one.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password at the mail server.")
    mail_from: str = Field("", description="Sender of mails, for example `Collegium <noreply@example.org>`.")
    openid_providers: list[OpenIdProvider] = Field(
        [], description="Providers to sign in with: name, issuer, client_id, client_secret, title, …"
    )
    trusted_proxies: list[str] = Field(
        ["127.0.0.1", "::1"],
        description="Addresses of proxies in front of the platform whose X-Forwarded-For is believed.",
    )
    rate_limit_per_minute: Annotated[int, Field(ge=0)] = Field(
        1200, description="Requests that one person may send to the API in a minute. 0: no limit."
    )

    @model_validator(mode="after")
    def _mail_has_a_sender(self) -> Settings:
        if self.smtp_host and not self.mail_from:
            raise ValueError("smtp_host needs mail_from, the sender of the mails")
        return self

    @field_validator("wildcard_domain")
    @classmethod
    def _is_domain(cls, value: str) -> str:
        if value.startswith("*."):
            raise ValueError(f"write it without the star: {value[2:]}")
        if "://" in value or ":" in value or "/" in value:
            raise ValueError("write the domain alone; scheme and port are those of public_url")
        if value and not (DOMAIN.fullmatch(value.lower()) and len(value) <= MAX_DOMAIN_LENGTH):
            raise ValueError("it is no domain of at least two names, such as projects.example.org")
        return value.lower()

    @model_validator(mode="after")
    def _platform_is_no_project(self) -> Settings:
        host = urlsplit(self.public_url).hostname or ""
        if self.wildcard_domain and host.endswith(f".{self.wildcard_domain}"):
            raise ValueError(
                f"wildcard_domain = {self.wildcard_domain!r}: public_url has a host below it ({host}), which would be "
                "a project’s. Choose another domain for the projects, for example projects." + host
            )
        return self

    @field_validator("openid_providers")
    @classmethod
    def _names_differ(cls, value: list[OpenIdProvider]) -> list[OpenIdProvider]:
        names = [provider.name for provider in value]
        if len(set(names)) < len(names):
            raise ValueError("two providers have the same name")
        return value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    def model_post_init(self, _context: object) -> None:
        """Fill in the values that follow from others."""
        if not self.public_url:
            object.__setattr__(self, "public_url", f"http://{self.host}:{self.port}/")
        elif not self.public_url.endswith("/"):
            object.__setattr__(self, "public_url", self.public_url + "/")
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{self.data_dir / 'collegium.sqlite'}")
        if not self.hub_database_url:
            object.__setattr__(self, "hub_database_url", f"sqlite:///{self.data_dir / 'jupyterhub.sqlite'}")
        if not self.blob_store:
            object.__setattr__(self, "blob_store", str(self.data_dir / "blobs"))

    @property
    def projects_dir(self) -> Path:
        """Folder with one folder of files per project."""
        return self.data_dir / "projects"

    @property
    def logs_dir(self) -> Path:
        """Folder with one log file per part."""
        return self.data_dir / "logs"

    @property
    def run_dir(self) -> Path:
        """Folder of what belongs to the running platform: lock, ports, sockets."""
        return self.data_dir / "run"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the caller (who has read the file) and the environment, the environment first."""
        return env_settings, init_settings


@dataclass(frozen=True)
class LoadedSettings:
    """Settings with the place that each value came from."""

    settings: Settings
    sources: dict[str, str]
    file: Path | None


def find_file() -> Path | None:
    """Return the settings file: the one that `COLLEGIUM_CONFIG` names, else `collegium.toml` in this folder.

    Raises
    ------
    SettingsError
        `COLLEGIUM_CONFIG` names a file that is not there.
    """
    named = os.environ.get(FILE_VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise SettingsError(f"{FILE_VARIABLE} names {path}, which is not a file.")
        return path
    path = Path.cwd() / FILE_NAME
    return path if path.is_file() else None


def load() -> LoadedSettings:
    """Read the settings.

    Raises
    ------
    SettingsError
        The file cannot be read, a name is unknown or a value is not allowed.
    """
    file = find_file()
    values, lines = _read_file(file) if file else ({}, {})
    known = Settings.model_fields
    unknown = [name for name in values if name not in known]
    if unknown and file is not None:
        raise SettingsError(
            f"{file}:{lines[unknown[0]]}: there is no setting “{unknown[0]}”. Known: {', '.join(sorted(known))}."
        )
    from_environment = {name for name in known if f"{ENV_PREFIX}{name.upper()}" in os.environ}
    try:
        settings = Settings(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_explain(error, file, lines, from_environment)) from error
    sources = {
        name: f"environment {ENV_PREFIX}{name.upper()}"
        if name in from_environment
        else f"{file}:{lines[name]}"
        if name in values
        else "default"
        for name in known
    }
    return LoadedSettings(settings, sources, file)


def _read_file(file: Path) -> tuple[dict[str, object], dict[str, int]]:
    try:
        text = file.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: not valid TOML: {error}") from error
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*[\[\"']*([A-Za-z0-9_-]+)", line):
            lines.setdefault(match[1], number)
    return values, {name: lines.get(name, 1) for name in values}


def _explain(error: ValidationError, file: Path | None, lines: dict[str, int], environment: set[str]) -> str:
    out = []
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else "settings"
        where = f"environment {ENV_PREFIX}{name.upper()}" if name in environment else f"{file}:{lines.get(name, 1)}"
        out.append(f"{where}: {name} = {problem['input']!r}: {problem['msg']}.")
    return "\n".join(out)
