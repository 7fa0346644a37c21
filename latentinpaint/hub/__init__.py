"""A model on the Hugging Face Hub: its name there, loading and uploading, and its card."""

from latentinpaint.hub.hub_names import HubName, at_revision, hub_name
from latentinpaint.hub.model_card import model_card
from latentinpaint.hub.transfer import download, upload

__all__ = ["HubName", "at_revision", "download", "hub_name", "model_card", "upload"]
