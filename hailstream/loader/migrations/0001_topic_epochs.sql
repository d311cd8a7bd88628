-- Which incarnation of a topic is the first, second, ... this database has seen.
-- A topic that was deleted and made anew starts at offset 0 again; its rows must
-- still replace those of the old one, so the epoch stands above the offset in
-- `version`. A topic's id (given by the broker) tells the incarnations apart.
CREATE TABLE IF NOT EXISTS topic_epochs
(
    topic       String,
    topic_id    String,
    epoch       UInt8,
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, topic_id);
