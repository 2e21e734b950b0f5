"""From a configuration to the parts that it names: keys, directories and the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from attrs import asdict

from smartify_core.directory import DirectorySource
from smartify_core.directory.google import GoogleDirectory, Limits
from smartify_core.directory.jsonl import JsonLinesDirectory
from smartify_core.errors import ConfigInvalid, EndingsInvalid, OlderStore, SmartifyError, UnknownTenant, UsageError
from smartify_core.lifecycle import Reconciler
from smartify_core.policy.audit import Trail
from smartify_core.policy.shredding import EndingsFile, check_restored
from smartify_core.sealing import FileKeyRing, KeyRing, Sealer
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.url import open_storage

from ._config import Config, GoogleTenant, InstalledTenant, JsonLinesTenant, Tenant

_LIMITS = ("requests_per_minute", "concurrency", "attempts")


class Sources(Mapping[str, DirectorySource]):
    """The directory of each tenant, made at once, so that what is wrong with one is known before anything is written.

    A directory that could not be made raises its error when it is looked up: the other tenants' do not suffer from it.
    """

    def __init__(self, config: Config, tenants: Iterable[str]) -> None:
        self._made: dict[str, DirectorySource | SmartifyError] = {}
        for name in tenants:
            try:
                self._made[name] = _directory(name, config.tenants[name], config.file.absolute().parent)
            except SmartifyError as error:
                place = f"{config.file}: tenants.{name}"
                self._made[name] = type(error)(
                    error.what, where=f"{place}, {error.where}" if error.where else place, cure=error.cure
                )

    def __getitem__(self, tenant: str) -> DirectorySource:
        """Return the tenant's directory, or raise the error that it could not be made for."""
        found = self._made[tenant]
        if isinstance(found, SmartifyError):
            raise found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    @property
    def errors(self) -> Mapping[str, SmartifyError]:
        """Return the errors of the directories that could not be made."""
        return {name: found for name, found in self._made.items() if isinstance(found, SmartifyError)}


def chosen(config: Config, tenant: str | None) -> tuple[str, ...]:
    """Return the tenant asked for, or all when none was.

    Raises:
        UnknownTenant: The one asked for is not configured.
    """
    if tenant is None:
        return tuple(config.tenants)
    if tenant not in config.tenants:
        raise UnknownTenant(
            "no such tenant is configured",
            where=f"{config.file}: tenants",
            cure=f"Configured are: {', '.join(config.tenants)}.",
        )
    return (tenant,)


def sealer_of(config: Config) -> Sealer:
    """Return what seals and opens personal fields under the configured keys.

    Raises:
        KeyFileInvalid: The key file cannot be used.
    """
    return Sealer(ring_of(config))


def ring_of(config: Config) -> KeyRing:
    """Return the configured key ring: the key file, or the one that Google Cloud KMS guards.

    Raises:
        KeyFileInvalid: The file cannot be used.
        MissingExtra: A KMS is named, and its client is not installed.
        ConfigInvalid: The KMS key's name or the endpoint is misshapen.
        CredentialsInvalid: There are no credentials for the KMS.
    """
    keys = config.keys
    if keys.kms_key is None:
        return FileKeyRing(keys.file)
    from smartify_core.sealing.google_kms import GoogleKmsKeyRing  # noqa: PLC0415 - an extra, and slow to import

    try:
        return GoogleKmsKeyRing(keys.kms_key, keys.file, endpoint=keys.kms_endpoint)
    except UsageError as error:
        if type(error) is not UsageError:
            raise
        place = "kms_endpoint" if error.where == "endpoint" else "kms_key"
        raise ConfigInvalid(error.what, where=f"{config.file}: keys.{place}", cure=error.cure) from None


def reconciler_of(
    config: Config, sources: Mapping[str, DirectorySource], storage: Storage, sealer: Sealer
) -> Reconciler:
    """Return what keeps these directories' accounts in step under the configured rules."""
    named = set(sources)  # asking whether one is in there would make its directory
    return Reconciler(
        sources, storage, sealer, rules={name: rules for name, rules in config.rules.items() if name in named}
    )


def store_of(config: Config, *, create: bool, guarded: bool = True) -> Storage:
    """Open the configured store.

    Args:
        config: What names it.
        create: Whether to make one where there is none. A command that only looks leaves nothing behind: it is shown an
            empty store instead.
        guarded: Whether a store is refused that is older than the register of endings. Commands that only look at how
            things stand show that one, too.

    Raises:
        ConfigInvalid: The URL names no storage that there is.
        OlderStore: The store is older than the register of endings: a backup was restored.
        EndingsInvalid: The register of endings that is configured is not there, or is damaged.
        StorageError: The store cannot be opened.
    """
    try:
        absent = store_is_absent(config)
        if not create and absent:
            return MemoryStorage()
        storage = open_storage(config.storage_url)
    except UsageError as error:
        raise ConfigInvalid(error.what, where=f"{config.file}: storage.url", cure=error.cure) from None
    if guarded:
        try:
            _guard(config, storage, fresh=absent)
        except BaseException:  # nobody has the store yet who could close it
            storage.close()
            raise
    return storage


def register_of(config: Config) -> EndingsFile | None:
    """Return the register of endings, where there is one.

    Raises:
        EndingsInvalid: It is configured, and is not there.
    """
    file = config.policy.endings
    if file.is_file():
        return EndingsFile(file)
    if not config.policy.endings_named:
        return None
    raise EndingsInvalid(
        "the register of endings is not there",
        where=str(file),
        cure="Bring it back. Where there never was one, make it once with: smartify settle",
    )


def _guard(config: Config, storage: Storage, *, fresh: bool) -> None:
    """Refuse a store that is older than the register of endings. Costs the end of one file, and one small read."""
    if fresh and config.policy.endings_named and not config.policy.endings.exists():
        EndingsFile.create(config.policy.endings)  # a store that begins now has no ending that could be missing
    register = register_of(config)
    if register is None:
        return
    try:
        check_restored(Trail(storage), register)
    except OlderStore as error:
        raise OlderStore(
            error.what,
            where=str(config.policy.endings),
            cure="Restore a newer backup, or end again whoever is gone: smartify reshred.",
        ) from None


def store_is_absent(config: Config) -> bool:
    """Return whether the store would have to be created."""
    return is_absent(config.storage_url)


def is_absent(url: str) -> bool:
    """Return whether the store of a URL would have to be created."""
    file = file_of_sqlite(url)
    if file is None:
        return False
    try:
        file.stat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        # Whatever is the matter, opening it will say so.
        return False
    return False


def file_of_sqlite(url: str) -> Path | None:
    """Return the file that a SQLite URL names, whether or not it is there; ``None`` for any other URL."""
    if not url.lower().startswith("sqlite:///"):
        return None
    try:
        path = unquote(urlsplit(url).path[1:], errors="surrogateescape")
    except ValueError:
        return None
    return Path(path).absolute() if path else None


def _directory(name: str, tenant: Tenant, folder: Path) -> DirectorySource:
    match tenant:
        case InstalledTenant(source, options):
            # A protocol: what is made is held against it.
            return source.make(DirectorySource, options, tenant=name, folder=folder)  # type: ignore[type-abstract]  # a protocol
        case JsonLinesTenant(path):
            return JsonLinesDirectory(path)
        case GoogleTenant():
            given = {name: value for name, value in asdict(tenant, recurse=False).items() if value is not None}
            limits = Limits(**{name: given.pop(name) for name in _LIMITS if name in given})
            file, subject = given.pop("service_account_file"), given.pop("subject")
            return GoogleDirectory.from_service_account(file, subject=subject, limits=limits, **given)
