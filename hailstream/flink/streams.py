"""From tables to streams and back, for the stateful functions that SQL cannot say."""

from __future__ import annotations

from pyflink.common import Types
from pyflink.common.typeinfo import TypeInformation
from pyflink.datastream import DataStream, KeyedProcessFunction, StreamExecutionEnvironment
from pyflink.datastream.data_stream import KeyedStream
from pyflink.datastream.functions import KeyedBroadcastProcessFunction
from pyflink.java_gateway import get_gateway
from pyflink.table import Schema, StreamTableEnvironment
from pyflink.util.java_utils import load_java_class

from hailstream.flink.plan import Job, graph_plan
from hailstream.flink.zone_function import CONTROLS

_ROWTIME = "_rowtime"
#: Key, (topic, packet, watermark), event time.
_PACKETS = Types.ROW(
    [
        Types.INT(),
        Types.ROW([Types.STRING(), Types.PRIMITIVE_ARRAY(Types.BYTE()), Types.INSTANT()]),
        Types.INSTANT(),
    ]
)
#: Key, (time in ms, id, rule, severity).
_ALERTS = Types.ROW([Types.STRING(), Types.ROW([Types.LONG(), Types.STRING(), Types.STRING(), Types.STRING()])])
#: Key, (teller, end of a minute in ms, sums).
_MINUTES = Types.ROW([Types.INT(), Types.ROW([Types.INT(), Types.LONG(), Types.PRIMITIVE_ARRAY(Types.BYTE())])])
#: Topic, key, message, partition, offset, record time.
_CONTROLS = Types.ROW(
    [
        Types.STRING(),
        Types.PRIMITIVE_ARRAY(Types.BYTE()),
        Types.PRIMITIVE_ARRAY(Types.BYTE()),
        Types.INT(),
        Types.LONG(),
        Types.INSTANT(),
    ]
)


class Streams:
    """The streams of a table environment.

    Attributes:
        table_env: the environment.
    """

    def __init__(self, stream_env: StreamExecutionEnvironment, table_env: StreamTableEnvironment) -> None:
        self._stream_env = stream_env
        self.table_env = table_env

    def through_stream(self, view: str, behind: str) -> str:
        """The view ``behind`` of the same rows and watermarks, behind a stream.

        Tables are planned again wherever they are turned into a stream; what lies
        before a stream is planned once, so each topic is scanned and decoded once.
        The rows stay in the engine's own form, nothing is converted.

        Args:
            view: with the time attribute event_time.
            behind: name of the new view.
        """
        j_table = self.table_env.from_path(view)._j_table
        j_schema = j_table.getResolvedSchema()
        columns = [str(name) for name in j_schema.getColumnNames()]
        j_type = j_schema.toPhysicalRowDataType().bridgedTo(load_java_class("org.apache.flink.table.data.RowData"))
        j_stream = self.table_env._j_tenv.toDataStream(j_table, j_type)
        schema = (
            Schema.new_builder()
            .column_by_metadata(_ROWTIME, "TIMESTAMP_LTZ(3)", "rowtime", True)
            .watermark(_ROWTIME, "SOURCE_WATERMARK()")
            .build()
        )
        self.table_env._j_tenv.createTemporaryView(f"{behind}_rows", j_stream, schema._j_schema)
        taken = ", ".join(f"{_ROWTIME} AS event_time" if name == "event_time" else f"`{name}`" for name in columns)
        self.table_env.execute_sql(f"CREATE TEMPORARY VIEW {behind} AS SELECT {taken} FROM {behind}_rows")
        return behind

    def fold(
        self,
        view: str,
        name: str,
        packets: str,
        function: KeyedProcessFunction,
        row_type: TypeInformation,
        slot: str | None = None,
    ) -> str:
        """A view of what a keyed function makes of packets.

        Args:
            view: its name.
            name: of the operator.
            packets: view of fold (INT, the key), packet (the function's input) and the time attribute event_time.
            function: keyed by fold.
            row_type: of the rows it gives.
            slot: slot sharing group, which has a Python worker of its own; None: that of the other operators.
        """
        stream = self.table_env.to_data_stream(self.table_env.from_path(packets))
        folded = _keyed_by_first(stream, _PACKETS).process(function, row_type).name(name).uid(name)
        if slot is not None:
            folded.slot_sharing_group(slot)
        self.table_env.create_temporary_view(view, folded)
        return view

    def tell_drivers(self, view: str, alerts: str, function: KeyedProcessFunction, row_type: TypeInformation) -> str:
        """A view of what a keyed function makes of alerts.

        Args:
            view: its name, and that of the operator.
            alerts: view of driver_id (the key) and alert (the function's input).
            function: keyed by driver.
            row_type: of the rows it gives.
        """
        stream = self.table_env.to_data_stream(self.table_env.from_path(alerts))
        told = _keyed_by_first(stream, _ALERTS).process(function, row_type).name(view).uid(view)
        self.table_env.create_temporary_view(view, told)
        return view

    def tell_zones(
        self,
        view: str,
        name: str,
        minutes: str,
        controls: str,
        function: KeyedBroadcastProcessFunction,
        row_type: TypeInformation,
    ) -> str:
        """A view of what a keyed function makes of minutes, told what people say by broadcast.

        Args:
            view: its name.
            name: of the operator.
            minutes: view of zones (INT, the key) and told (the function's input).
            controls: view of what is broadcast, a row as the function takes it.
            function: keyed by zones.
            row_type: of the rows it gives.
        """
        keyed = _keyed_by_first(self.table_env.to_data_stream(self.table_env.from_path(minutes)), _MINUTES)
        said = self.table_env.to_data_stream(self.table_env.from_path(controls))
        said._j_data_stream.getTransformation().setOutputType(_CONTROLS.get_java_type_info())
        told = keyed.connect(said.broadcast(CONTROLS)).process(function, row_type).name(name).uid(name)
        self.table_env.create_temporary_view(view, told)
        return view

    def as_job(self) -> Job:
        """All that was attached to the environment, as one job."""
        stream_env = self._stream_env
        j_graph = stream_env._generate_stream_graph(clear_transformations=True)
        plan = graph_plan(str(j_graph.getStreamingPlanAsJSON()))
        return Job(plan, lambda: stream_env._j_stream_execution_environment.executeAsync(j_graph))


def _keyed_by_first(stream: DataStream, row_type: TypeInformation) -> KeyedStream:
    """Rows (key, value, ...) keyed by key: as ``key_by`` does it, less the Python operator that takes the key out."""
    # Python operators know streams of rows only by this type, and not by the table's own.
    stream._j_data_stream.getTransformation().setOutputType(row_type.get_java_type_info())
    key_type, value_type = row_type.get_field_types()[:2]
    j_key_type = Types.ROW([key_type]).get_java_type_info()
    j_keyed = stream._j_data_stream.keyBy(get_gateway().jvm.KeyByKeySelector(), j_key_type)
    return KeyedStream(j_keyed, value_type, stream)
