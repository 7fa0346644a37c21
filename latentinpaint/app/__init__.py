"""The page in the browser: paint over a part of a photo and have it filled.

`work.py` is what the page does, on files and settings, without a page; `page.py` lays it out with gradio;
`server.py` serves it, and `guard.py` stands at its door.
"""
