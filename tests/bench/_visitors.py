"""Visitors without a browser: they speak to the app as its page does, and wait for the first figure."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

MOST_BYTES = 200_000_000


def together(url: str, pages: Sequence[str]) -> list[float]:
    """Seconds from the start of all to the first figure of each: what the app alone takes, drawing left out."""

    async def all_at_once() -> list[float]:
        start = time.perf_counter()
        return await asyncio.gather(*(_visit(url, page, start) for page in pages))

    with ThreadPoolExecutor(1) as beside:  # where playwright runs a loop of its own
        return beside.submit(asyncio.run, all_at_once()).result()


async def _visit(url: str, page: str, start: float) -> float:
    address = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
    ask = BackMsg()
    ask.rerun_script.page_name = page
    painted = float("nan")
    async with connect(address, subprotocols=["streamlit"], max_size=MOST_BYTES) as socket:  # type: ignore[list-item]
        await socket.send(ask.SerializeToString())
        async for message in socket:
            said = ForwardMsg.FromString(message if isinstance(message, bytes) else message.encode())
            kind = said.WhichOneof("type")
            if kind == "delta" and said.delta.new_element.WhichOneof("type") == "plotly_chart" and painted != painted:
                painted = time.perf_counter() - start
            if kind == "script_finished" and painted == painted:
                return painted
    return painted
