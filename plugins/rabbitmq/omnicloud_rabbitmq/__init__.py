"""The provider ``rabbitmq``: messaging over AMQP 0-9-1 to RabbitMQ 3.10 and newer."""
