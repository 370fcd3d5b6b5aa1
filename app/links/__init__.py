"""Links: which records are one customer, order or ticket. Join, split, match by e-mail, review.

`app.copies` copies them.
"""
