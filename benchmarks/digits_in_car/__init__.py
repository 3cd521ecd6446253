"""Does it help? Spoken digits in real car noise, recognised by small models trained on what different recipes make."""
