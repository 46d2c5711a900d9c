"""Messages to patients: one queue with consent, quiet hours and exactly-once, and the ways out of the house (file, e-mail, SMS gateway).

`queue_message` writes a message in the transaction that causes it; `sending.send_due` sends what is due, behind the pages.
"""

from carewheel.practice.messages.queue import queue_message, withdraw_messages

__all__ = ["queue_message", "withdraw_messages"]
