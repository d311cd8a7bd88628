"""All settings, in one frozen class, from the environment (prefix ``HAILSTREAM_``).

Nothing is read at import: call :func:`load_settings` at an entry point and
hand the value on. A service with no address of its own is the embedded one on
its port here; give an address and it is an external server.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.errors import HailstreamError
from hailstream.topics import LIVE

Port = Annotated[int, Field(ge=1, le=65535)]
LOOPBACK = "127.0.0.1"


class Settings(BaseSettings):
    """Every setting of Hailstream. Durations are in seconds unless named otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="HAILSTREAM_", env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    namespace: str = Field(
        LIVE,
        pattern=r"^[a-z][a-z0-9_]{0,30}$",
        description="prefix of topics, database, Redis keys, consumer groups and transactions",
    )
    source_namespace: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_]{0,30}$",
        description="whose events jobs read; unset: those of their own namespace",
    )
    source_begin: str | None = Field(
        None, description="ISO time (UTC) of the first record that a new job reads; unset: all that there is"
    )
    home: Path = Field(Path(".hailstream"), description="data, logs, jars and state of the embedded stack")

    # Embedded servers: ports on 127.0.0.1, chosen away from the usual ones.
    kafka_port: Port = Field(29092, description="of the embedded broker")
    kafka_controller_port: Port = Field(29093, description="of the embedded broker's controller")
    registry_port: Port = Field(28085, description="of the embedded schema registry")
    registry_management_port: Port = Field(28086, description="of the registry's health checks")
    redis_port: Port = Field(26379, description="of the embedded Redis")
    clickhouse_port: Port = Field(28123, description="HTTP port of the embedded ClickHouse")
    flink_port: Port = Field(28081, description="REST and web page of the Flink cluster")
    flink_rpc_port: Port = Field(26123, description="of the embedded JobManager")
    zookeeper_port: Port = Field(22181, description="of the embedded ZooKeeper, where FLINK_HA asks for one")
    java_options: str = Field("", description="added to those of the embedded broker and TaskManager, e.g. -Xlog:gc")
    metrics_port: Port = Field(29100, description="metrics of the ClickHouse loader; Redis loader: one up")

    # External servers.
    kafka_bootstrap: str | None = Field(None, description="host:port,... of an external Kafka")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="of every Kafka client"
    )
    kafka_sasl_mechanism: str | None = Field(None, description="PLAIN or SCRAM-SHA-…, with username and password")
    kafka_username: str | None = Field(None, description="for SASL")
    kafka_password: SecretStr | None = Field(None, description="for SASL")
    kafka_ca_file: Path | None = Field(None, description="PEM of the authority that signed the brokers' certificates")
    kafka_cert_file: Path | None = Field(None, description="PEM of the client's certificate")
    kafka_key_file: Path | None = Field(None, description="PEM of the client's key")
    registry_url: str | None = Field(
        None, description="Confluent-compatible registry, e.g. https://host/apis/ccompat/v7"
    )
    registry_username: str | None = Field(None, description="for basic authentication")
    registry_password: SecretStr | None = Field(None, description="for basic authentication")
    registry_ca_file: Path | None = Field(None, description="PEM of the registry's authority")
    redis_url: SecretStr | None = Field(None, description="redis:// or rediss:// address, credentials allowed")
    redis_ca_file: Path | None = Field(None, description="PEM of the authority of a rediss:// server")
    clickhouse_url: str | None = Field(None, description="http:// or https:// address")
    clickhouse_username: str = Field("default", description="of the ClickHouse user")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="of the ClickHouse user")
    clickhouse_ca_file: Path | None = Field(None, description="PEM of the authority of an https:// server")
    flink_url: str | None = Field(None, description="REST address of an external Flink cluster")

    # Topics.
    partitions: int = Field(4, ge=1, le=1000, description="of each topic this creates")
    replication_factor: int = Field(1, ge=1, description="of each topic this creates")
    retention_bytes: int = Field(-1, ge=-1, description="per partition; -1 keeps everything")

    # Jobs.
    parallelism: int = Field(
        1, ge=1, le=1000, description="of each operator of a job; half the cluster's processors is a good number"
    )
    flink_ha: Literal["none", "zookeeper"] = Field(
        "none", description="embedded cluster: zookeeper lets it bring its jobs back by itself when its JobManager dies"
    )
    task_slots: int = Field(
        8, ge=1, description="of the embedded TaskManager; jobs with folds take two for each of parallelism"
    )
    taskmanager_memory: int = Field(
        1792, ge=1024, description="MB, of the embedded TaskManager's JVM; its Python workers come on top"
    )
    max_disorder: float = Field(5.0, ge=0, description="allowed lag behind the partition's newest event")
    horizon: str | None = Field(
        None, description="replays: ISO time (UTC) of the declared end; live (unset): now + 1 minute"
    )
    checkpoint_interval: float = Field(
        1.0, gt=0, description="seconds between checkpoints: results are final that often"
    )
    bundle_time: float = Field(
        0.05, ge=0.001, description="longest wait of a row for others before Python gets them; longer is faster"
    )
    buffer_timeout: float = Field(
        0.01,
        ge=0.001,
        le=1,
        description="longest wait of a row at an exchange; twice that at a source. Longer is cheaper",
    )
    checkpoint_dir: str | None = Field(None, description="URI; unset: a folder in the home folder")
    transaction_timeout: float = Field(
        900.0, ge=10, le=900, description="until the broker aborts what a dead job left open and readers wait for"
    )
    state_backend: Literal["hashmap", "rocksdb"] = Field("hashmap", description="where Flink keeps state")
    generation: int = Field(1, ge=1, le=65535, description="of the metric definitions; part of a row's version")

    city_jobs: str = Field("all", description="what job city is made of: all, or names with commas between")

    # Alerts.
    fold_shards: int = Field(
        1, ge=1, le=1000, description="in which drivers, zones and rides are divided; not to change"
    )
    driver_secret: SecretStr | None = Field(None, description="driver ids leave the job hashed with it")
    alert_speed_mph: float = Field(Thresholds.speed_mph, gt=0, description="mean speed of a trip, above is implausible")
    alert_open_hours: float = Field(
        Thresholds.open_hours, gt=0, description="a ride without an end for longer is alerted"
    )
    alert_outlier_z: float = Field(
        Thresholds.outlier_z, gt=0, description="robust z-score of a fare in its zone's trailing hour"
    )
    alert_outlier_samples: int = Field(
        Thresholds.outlier_samples, ge=3, description="fewest fares of that hour to compare with"
    )
    alert_travel_mph: float = Field(
        Thresholds.travel_mph, gt=0, description="as the crow flies between two trips of a driver"
    )
    alert_travel_miles: float = Field(
        Thresholds.travel_miles, ge=0, description="shorter ways between trips are not judged"
    )
    alert_overlap_seconds: float = Field(
        Thresholds.overlap_seconds, ge=0, description="by which two trips of a driver overlap at least"
    )
    alert_velocity_trips: int = Field(
        Thresholds.velocity_trips, ge=1, description="more trips of a driver within ten minutes are too many"
    )
    alert_vehicle_minutes: float = Field(
        Thresholds.vehicle_minutes, ge=0, description="least time of a driver between two vehicles"
    )
    alert_refund_hours: float = Field(
        Thresholds.refund_hours, gt=0, description="how long a fare and its refund wait for each other"
    )
    alert_risk_half_life_hours: float = Field(
        Thresholds.risk_half_life_hours,
        gt=0,
        le=24 * 365,
        description="an alert counts half in its driver's risk after",
    )

    # Archive.
    archive: str | None = Field(
        None, description="file:// address of a folder, or s3://BUCKET/PREFIX; unset: a folder in the home folder"
    )
    archive_interval: float = Field(
        60.0, gt=0, description="seconds between checkpoints of job archive: files are that fresh, and that many"
    )

    # S3, where the archive is there. The embedded Flink cluster takes them when it starts.
    s3_endpoint: str | None = Field(None, description="http:// or https:// address of an S3 server; unset: AWS's own")
    s3_region: str = Field("us-east-1", min_length=1, description="of the bucket")
    s3_path_style: bool = Field(True, description="the bucket is in the path of a request, else in its host name")
    s3_access_key: str | None = Field(None, description="unset: what AWS's own variables, files or machine roles say")
    s3_secret_key: SecretStr | None = Field(None, description="of the access key")

    # Batch.
    curated: str | None = Field(
        None, description="file:// address of a folder for curated tables; unset: one in the home folder"
    )
    spark_memory: str = Field("2g", pattern=r"^\d+[mg]$", description="of a local Spark; spark-submit has its own")
    spark_partitions: int = Field(4, ge=1, description="parts that batch jobs divide a table into, at the least")

    # Loaders.
    redis_ttl: int = Field(300, ge=1, description="of realtime keys, wall clock")
    load_batch_rows: int = Field(50_000, ge=1, description="rows of one insert at the most")
    load_batch_seconds: float = Field(1.0, gt=0, description="longest wait of a row before it is inserted")

    @property
    def kafka_servers(self) -> str:
        return self.kafka_bootstrap or f"{LOOPBACK}:{self.kafka_port}"

    @property
    def registry_address(self) -> str:
        return self.registry_url or f"http://{LOOPBACK}:{self.registry_port}/apis/ccompat/v7"

    @property
    def redis_address(self) -> str:
        if self.redis_url is not None:
            return self.redis_url.get_secret_value()
        return f"redis://{LOOPBACK}:{self.redis_port}/0"

    @property
    def clickhouse_address(self) -> str:
        return self.clickhouse_url or f"http://{LOOPBACK}:{self.clickhouse_port}"

    @property
    def flink_address(self) -> str:
        return self.flink_url or f"http://{LOOPBACK}:{self.flink_port}"

    @property
    def archive_address(self) -> str:
        return self.archive.rstrip("/") if self.archive else (self.home_dir / "archive").as_uri()

    @property
    def curated_address(self) -> str:
        return self.curated.rstrip("/") if self.curated else (self.home_dir / "curated").as_uri()

    @property
    def home_dir(self) -> Path:
        return self.home.expanduser().resolve()

    @property
    def database(self) -> str:
        """The ClickHouse database of the namespace."""
        return "hailstream" if self.namespace == LIVE else f"hailstream_{self.namespace}"

    @property
    def source(self) -> Settings:
        """The settings of the namespace whose events jobs read."""
        return self.model_copy(update={"namespace": self.source_namespace or self.namespace})

    @property
    def redis_prefix(self) -> str:
        """What every Redis key of the namespace begins with; empty when live."""
        return "" if self.namespace == LIVE else f"{self.namespace}:"

    def thresholds(self) -> Thresholds:
        """From where on the rules of alerts speak."""
        return Thresholds(**{field.name: getattr(self, f"alert_{field.name}") for field in fields(Thresholds)})

    def consumer_group(self, name: str) -> str:
        """The Kafka consumer group ``name`` in this namespace."""
        return f"hailstream.{self.namespace}.{name}"

    def kafka_config(self) -> dict[str, str]:
        """Connection settings for confluent-kafka (librdkafka names)."""
        config = {"bootstrap.servers": self.kafka_servers, "security.protocol": self.kafka_security_protocol}
        optional = {
            "sasl.mechanism": self.kafka_sasl_mechanism,
            "sasl.username": self.kafka_username,
            "sasl.password": self.kafka_password and self.kafka_password.get_secret_value(),
            "ssl.ca.location": self.kafka_ca_file,
            "ssl.certificate.location": self.kafka_cert_file,
            "ssl.key.location": self.kafka_key_file,
        }
        return config | {name: str(value) for name, value in optional.items() if value}

    def registry_config(self) -> dict[str, str]:
        """Connection settings for confluent-kafka's SchemaRegistryClient."""
        config = {"url": self.registry_address}
        if self.registry_username is not None:
            password = self.registry_password.get_secret_value() if self.registry_password else ""
            config["basic.auth.user.info"] = f"{self.registry_username}:{password}"
        if self.registry_ca_file is not None:
            config["ssl.ca.location"] = str(self.registry_ca_file)
        return config

    def as_environment(self) -> dict[str, str]:
        """These settings as environment variables, secrets in clear: for a child process, never for a log."""
        environment: dict[str, str] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is not None:
                plain = value.get_secret_value() if isinstance(value, SecretStr) else value
                environment[f"HAILSTREAM_{name.upper()}"] = str(plain.resolve() if isinstance(plain, Path) else plain)
        return environment


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment and ``.env``; ``overrides`` that are None are ignored.

    Raises:
        HailstreamError: a setting has a value it cannot have; names each.
    """
    try:
        return Settings(**{k: v for k, v in overrides.items() if v is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        # Never the input value: it may be a secret.
        lines = [f"HAILSTREAM_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        raise HailstreamError(
            "wrong setting: " + "; ".join(lines), hint="`hailstream settings` lists them all", exit_code=2
        ) from None
