"""A filter that shows texts as they are stored."""

from django import template

from dujiang.support.pages.forms import in_language

register = template.Library()
register.filter("stored", in_language)
