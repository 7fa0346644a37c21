"""The web page: paint a hole into a photo in the browser and have it filled.

`service.py` does the work on files and options and knows no page. `page.py` lays the page out with gradio, and
`handlers.py` has the functions behind its events. `server.py` serves it, `middleware.py` filters the requests.
"""
