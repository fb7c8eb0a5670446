"""Very many members of one group, each with a connection of its own, in one process: they join, heartbeat, and rebalance as
clients do, without the threads of clients."""

from __future__ import annotations

import asyncio
import struct
import time

import wire

GROUP = "members"
SESSION_MS = 45_000
REBALANCE_MS = 300_000
CLASSIC_HEARTBEAT_S = 3
NOT_YET = (14, 15, 16)  # The coordinator is loading, not available, elsewhere.
REJOIN = (22, 27)  # The generation is over, the group rebalances.
MEMBER_ID_REQUIRED = 79
FENCED = 110
VERSIONS = {"JoinGroup": 9, "SyncGroup": 5, "Heartbeat": 4, "ConsumerGroupHeartbeat": 1}


def prepare(address: tuple[str, int]) -> None:
    """Returns when the coordinator of the group is there: its topic is not charged to the members."""
    connection = wire.Connection(address)
    deadline = time.monotonic() + wire.TIMEOUT_S
    ready = False
    while not ready:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no coordinator in {wire.TIMEOUT_S} s")
        connection.ask("FindCoordinator", 4, {"coordinatorKeys": [GROUP]})
        answer = connection.ask("Heartbeat", 4, {"groupId": GROUP, "memberId": "none", "generationId": 1})
        ready = answer is not None and answer["errorCode"] not in NOT_YET
        time.sleep(0 if ready else 0.1)
    connection.close()


def text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode()


class Group:
    """What the members know together: it is stable when all of them say so."""

    def __init__(self, address: tuple[str, int], topic: str, size: int) -> None:
        self.address, self.topic, self.size = address, topic, size
        self.generations: dict[int, int] = {}  # Of the classic members with an assignment.
        self.owned: dict[int, int] = {}  # Of the members of the consumer protocol: how many partitions.
        self.stable = asyncio.Event()

    def has_generation(self, number: int, generation: int) -> None:
        self.generations[number] = generation
        if len(self.generations) == self.size and len(set(self.generations.values())) == 1:
            self.stable.set()

    def owns(self, number: int, partitions: int) -> None:
        self.owned[number] = partitions
        if len(self.owned) == self.size and set(self.owned.values()) == {1}:
            self.stable.set()


class Member:
    def __init__(self, group: Group, number: int) -> None:
        self.group, self.number = group, number

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(*self.group.address)

    async def ask(self, name: str, body: dict, *accepted: int) -> dict:
        """The answer, whose error is none or one of the accepted."""
        self.writer.write(wire.encode_request(name, VERSIONS[name], {"groupId": GROUP, **body}))
        size = struct.unpack(">i", await self.reader.readexactly(4))[0]
        answer = wire.decode_response(name, VERSIONS[name], await self.reader.readexactly(size))
        if answer["errorCode"] not in (0, *accepted):
            raise RuntimeError(f"{name} of member {self.number}: error {answer['errorCode']}")
        return answer


class ClassicMember(Member):
    async def run(self) -> None:
        await self.connect()
        subscription = struct.pack(">hi", 0, 1) + text(self.group.topic) + struct.pack(">i", -1)
        self.join = {"sessionTimeoutMs": SESSION_MS, "rebalanceTimeoutMs": REBALANCE_MS, "protocolType": "consumer", "memberId": "",
                     "protocols": [{"name": "range", "metadata": subscription.hex()}]}
        while True:
            await self.one_generation()

    async def one_generation(self) -> None:
        answer = await self.ask("JoinGroup", self.join, MEMBER_ID_REQUIRED)
        self.join["memberId"] = answer["memberId"]
        if answer["errorCode"] == MEMBER_ID_REQUIRED:
            return
        of = {"generationId": answer["generationId"], "memberId": answer["memberId"]}
        given = [{"memberId": one["memberId"], "assignment": self.assignment(partition)}
                 for partition, one in enumerate(answer["members"])]  # Only the leader is told the members.
        synced = await self.ask("SyncGroup", {**of, "protocolType": "consumer", "protocolName": "range", "assignments": given},
                                *REJOIN)
        if synced["errorCode"] != 0:
            return
        if not synced["assignment"]:
            raise RuntimeError(f"member {self.number} got no assignment")
        self.group.has_generation(self.number, answer["generationId"])
        while (await self.ask("Heartbeat", of, *REJOIN))["errorCode"] == 0:
            await asyncio.sleep(CLASSIC_HEARTBEAT_S)

    def assignment(self, partition: int) -> str:
        return (struct.pack(">hi", 0, 1) + text(self.group.topic) + struct.pack(">iii", 1, partition, -1)).hex()


class ConsumerMember(Member):
    async def run(self) -> None:
        await self.connect()
        self.member = {"memberId": f"member-{self.number}", "memberEpoch": 0}
        first = {"rebalanceTimeoutMs": REBALANCE_MS, "subscribedTopicNames": [self.group.topic], "topicPartitions": []}
        news = first
        while True:
            answer = await self.ask("ConsumerGroupHeartbeat", {**self.member, **news}, FENCED)
            if answer["errorCode"] == FENCED:
                self.member["memberEpoch"], news = 0, first
                continue
            self.member["memberEpoch"], news = answer["memberEpoch"], {}
            if answer["assignment"] is None:
                await asyncio.sleep(answer["heartbeatIntervalMs"] / 1000)
            else:  # What it now has, it says at once; so what it gave up becomes free.
                news = {"topicPartitions": answer["assignment"]["topicPartitions"]}
                self.group.owns(self.number, sum(len(one["partitions"]) for one in news["topicPartitions"]))


KINDS = {"classic": ClassicMember, "consumer": ConsumerMember}


async def run_until_stable(protocol: str, group: Group, timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(KINDS[protocol](group, number).run()) for number in range(group.size)]
        await group.stable.wait()
        for one in running:
            one.cancel()


def run(protocol: str, address: tuple[str, int], topic: str, size: int, timeout_s: float) -> None:
    """Returns when each member has an assignment, and there are no others; the topic has as many partitions as members."""

    async def main() -> None:
        await run_until_stable(protocol, Group(address, topic, size), timeout_s)

    asyncio.run(main())
