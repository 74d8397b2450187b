"""Around every call, from browsers and every kind of program: safe inputs, failures explained."""

import traceback
from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError
from gradio_client.utils import is_file_obj, traverse
from pydantic import ValidationError

NOT_UPLOADED = "Only files that were uploaded to this Space are read; upload the picture first."
WRONG_SHAPE = "The arguments don't have the form that the API page of this Space describes."
UNEXPECTED = "Something went wrong here that should not; try again, or with another picture."


def secure_calls(space: gr.Blocks) -> None:
    """Checks what a call gives for files, and turns what isn't a `gr.Error` yet into one."""
    process_api = space.process_api

    async def secured(block_fn, inputs, *args, **kwargs):
        try:
            return await process_api(block_fn, declared_files(inputs), *args, **kwargs)
        except gr.Error as error:
            error.print_exception = False  # a visitor's mistake is nothing for the log
            raise
        except Exception as error:
            raise gr.Error(_sentence(error), print_exception=False) from None

    space.process_api = secured


def declared_files(inputs: Any) -> Any:
    """`inputs`, in which every path is declared a file.

    Gradio checks that a path was uploaded, and fetches an address, only where it is declared so;
    its components would open any other path of this machine.
    """
    return traverse(inputs, lambda d: d | {"meta": {"_type": "gradio.FileData"}}, is_file_obj)


def _sentence(error: Exception) -> str:
    if isinstance(error, InvalidPathError):
        return NOT_UPLOADED
    # Gradio's check of the number of arguments has no class of its own.
    if isinstance(error, ValidationError) or "input values" in str(error):
        return WRONG_SHAPE
    traceback.print_exception(error)
    return UNEXPECTED
