"""Names of schemas as names of C++."""
import re

_WORD = re.compile(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])')


def snake(name):
    """TopicProduceData -> topic_produce_data; KRaft counts as one word."""
    return _WORD.sub('_', name.replace('KRaft', 'Kraft')).lower()


def camel(name):
    """TopicData -> topicData, as in Kafka's JSON form."""
    return name[0].lower() + name[1:]
