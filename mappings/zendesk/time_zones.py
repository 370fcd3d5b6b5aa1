"""Zendesk shows a time zone by its name in Ruby on Rails; newer answers carry `iana_time_zone` as well, and the table
is for those that do not. It stands here under the name by which released revisions know it."""

from mappings.rails_time_zones import IANA

__all__ = ["IANA"]
