"""Sites in motion: persons who walk past several cameras, as video, with the truth about them.

Read in the order of a site: `site` (what is asked for), `plan` (where cameras, doors and obstacles
are, and what a camera sees of a spot), `walks` (who walks where and when), `passages` (who is
before which camera from when to when: the truth, without a picture drawn), `sprites` and `places`
(how persons and places look), `filming` (frames), `writing` (a site on disk).
"""
