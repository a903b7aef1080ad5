"""Facial landmarks by the hundred, learned from synthetic faces."""

__version__ = "0.1.0"
