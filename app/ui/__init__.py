"""The window. The only part of Formcue that knows Qt; one file per view."""
