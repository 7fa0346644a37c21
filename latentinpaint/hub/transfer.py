"""Model files from the Hugging Face Hub and to it, with huggingface_hub: its cache, its login, its settings.

Only the file that is asked for is fetched, and it is a safetensors file: nothing that comes from the Hub is executed.
The token is the library's own affair (``hf auth login``, or HF_TOKEN): it is neither taken nor shown here.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from latentinpaint.errors import InputError, MissingPackageError
from latentinpaint.hub.hub_names import HubName, repository_name

LOG = logging.getLogger(__name__)

CARD = "README.md"
_COMMIT = re.compile("[0-9a-f]{40}")
_LOG_IN = "log in with hf auth login"


def download(model: HubName, names: Sequence[str]) -> Path:
    """The first of some files that a model on the Hub has, from the library's cache if it is there.

    A commit that is in the cache is not asked for again; a branch or a tag is, where the Hub can be reached.

    Args:
        model: the model, at a revision or its newest commit.
        names: of files, such as "model.safetensors".

    Raises:
        MissingPackageError: if huggingface_hub is not installed.
        InputError: if there is no such model, revision or file, or the Hub cannot be reached.
    """
    library = _library(f"there is no file or folder {model}")
    with _told(model, f"there is no file or folder {model}, and"):
        path = None
        if _COMMIT.fullmatch(model.revision or ""):
            path = _cached(library, model, names)
        path = path or _fetched(library, model, names)
    if path is None:
        raise InputError(f"{model} on the Hugging Face Hub holds no {' and no '.join(names)}: it is no such model")
    LOG.info("%s: %s of the commit %s", model, path.name, path.parent.name)
    return path


def upload(model: Path, name: str, card: str, private: bool) -> HubName:
    """Upload a model file in one commit; the repository is made if it is not there.

    Args:
        model: the file; it has the same name there.
        name: ``org/name`` of the repository.
        card: Markdown, for a repository that has none: one that is there may have been written by hand, and stays.
        private: whether a repository that is made is seen by its owners alone.

    Returns:
        The model at the commit that has been made.

    Raises:
        MissingPackageError: if huggingface_hub is not installed.
        InputError: if nobody is logged in or may write there, or the Hub cannot be reached.
    """
    target = repository_name(name)
    library = _library(f"nothing was uploaded to {name}")
    hub = library.HfApi()
    with _told(target, "nothing was uploaded:"):
        hub.create_repo(name, private=private, exist_ok=True)
        files = [library.CommitOperationAdd(model.name, model)]
        if not hub.file_exists(name, CARD):
            files.append(library.CommitOperationAdd(CARD, card.encode()))
        commit = hub.create_commit(name, files, commit_message="Model of latentinpaint")
    return HubName(name, commit.oid)


def _fetched(library: ModuleType, model: HubName, names: Sequence[str]) -> Path | None:
    """The first of some files that a model has on the Hub; that in the cache where the Hub does not answer."""
    try:
        for name in names:
            try:
                # Asked beforehand, because a download tries again for half a minute where nothing answers.
                library.get_hf_file_metadata(library.hf_hub_url(model.name, name, revision=model.revision))
            except library.errors.EntryNotFoundError:
                continue
            return Path(library.hf_hub_download(model.name, name, revision=model.revision))
    except (library.errors.HTTPError, OSError):
        path = _cached(library, model, names)
        if path is None:
            raise
        return path
    return None


def _cached(library: ModuleType, model: HubName, names: Sequence[str]) -> Path | None:
    """The first of some files of a model that has been fetched before."""
    for name in names:
        with suppress(library.errors.LocalEntryNotFoundError):
            return Path(library.hf_hub_download(model.name, name, revision=model.revision, local_files_only=True))
    return None


def _library(otherwise: str) -> ModuleType:
    """The package huggingface_hub; without it a sentence that begins with `otherwise` says how to get it."""
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"{otherwise}, and models of the Hugging Face Hub need the package huggingface_hub: "
            "pip install 'latentinpaint[hub]'"
        ) from error
    return huggingface_hub


@contextmanager
def _told(model: HubName, beginning: str) -> Iterator[None]:
    """What goes wrong between here and the Hub, as an `InputError` of one sentence with this beginning."""
    from huggingface_hub import constants, errors

    hub = constants.ENDPOINT
    of_xet = (RuntimeError, getattr(errors, "XetDownloadError", RuntimeError))  # the Hub's storage of large files
    try:
        yield
    except errors.GatedRepoError as error:
        raise InputError(f"{beginning} {hub}/{model.name} has to be asked for: do so there, and {_LOG_IN}") from error
    except errors.RevisionNotFoundError as error:
        raise InputError(f"{beginning} {hub}/{model.name} has no revision {model.revision}") from error
    except errors.RepositoryNotFoundError as error:
        raise InputError(
            f"{beginning} {hub} shows no model {model.name}: is the name right? If it is private, {_LOG_IN}"
        ) from error
    except errors.HfHubHTTPError as error:
        raise InputError(f"{beginning} {hub} {_refusal(error.response.status_code, model)}") from error
    except errors.LocalTokenNotFoundError as error:
        raise InputError(f"{beginning} nobody is logged in at {hub}: {_LOG_IN}") from error
    except (errors.HTTPError, OSError, *of_xet) as error:
        raise InputError(f"{beginning} {_failure(error, hub, model)}") from error


def _failure(error: Exception, hub: str, model: HubName) -> str:
    """What went wrong without an answer of the Hub."""
    reason = getattr(error, "strerror", None)
    if reason is not None:
        return f"{model} could not be kept in the cache: {reason}"
    return f"{hub} cannot be reached for {model}: is this machine online?"


def _refusal(status: int, model: HubName) -> str:
    """What the status of an answer means."""
    if status == 401:
        return f"does not know who asks for {model}: {_LOG_IN}"
    if status == 403:
        return f"does not let you do this with {model}: {_LOG_IN} as one of its owners, with a token that may write"
    return f"answers {model} with status {status}: try again later"
