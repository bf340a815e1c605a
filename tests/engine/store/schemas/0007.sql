BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0007');
CREATE TABLE artefacts (
	id INTEGER NOT NULL, 
	run_id VARCHAR, 
	round INTEGER, 
	stage VARCHAR, 
	name VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	bytes INTEGER NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_artefacts PRIMARY KEY (id), 
	CONSTRAINT fk_artefacts_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id), 
	CONSTRAINT uq_artefacts_path UNIQUE (path)
);
INSERT INTO "artefacts" VALUES(1,'r52b02d1f61-random-1',0,'evaluated','margins.safetensors','files/r52b02d1f61-random-1/000-evaluated-margins.15f25ffd638d.safetensors',104,'15f25ffd638d1b79be251e73cf8793d387efb558bced16a0a90ece25f7a7e281','2026-11-22 10:40:09.179247');
INSERT INTO "artefacts" VALUES(2,'r52b02d1f61-random-1',0,'evaluated','generations.json','files/r52b02d1f61-random-1/000-evaluated-generations.4f53cda18c2b.json',2,'4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945','2026-11-22 10:40:09.179817');
INSERT INTO "artefacts" VALUES(3,'r52b02d1f61-random-1',1,'pooled','pairs.json','files/r52b02d1f61-random-1/001-pooled-pairs.ff87841812e2.json',797,'ff87841812e2d6f31368045ad4d32bdfa143addd7e6b07320cdd52ae9e47997d','2026-11-22 10:40:09.182432');
INSERT INTO "artefacts" VALUES(4,'r52b02d1f61-random-1',1,'scored','signals.safetensors','files/r52b02d1f61-random-1/001-scored-signals.b66f29473e46.safetensors',216,'b66f29473e46c2e8f3df896294a45395733e083bd2adc85863664d1b6d313582','2026-11-22 10:40:09.184519');
INSERT INTO "artefacts" VALUES(5,'r52b02d1f61-random-1',1,'scored','ids.json','files/r52b02d1f61-random-1/001-scored-ids.35db202c59cf.json',139,'35db202c59cfbeaab5a6a50dd745e218047e9c1309884796b14af1f2fa23853a','2026-11-22 10:40:09.184656');
INSERT INTO "artefacts" VALUES(6,'r52b02d1f61-random-1',1,'picked','features.safetensors','files/r52b02d1f61-random-1/001-picked-features.41d67eba7fa8.safetensors',136,'41d67eba7fa8e3017ce37adc47c3f42897a17c08bd39171130e17e1634543b4e','2026-11-22 10:40:09.185974');
INSERT INTO "artefacts" VALUES(7,'r52b02d1f61-random-1',1,'trained','adapter.safetensors','files/r52b02d1f61-random-1/001-trained-adapter.df6170505cbf.safetensors',72,'df6170505cbf16f4aca6cfbfd78fda1c570399a2be246b3af3fe23a55ab6aeee','2026-11-22 10:40:09.189919');
INSERT INTO "artefacts" VALUES(8,'r52b02d1f61-random-1',1,'trained','steps.json','files/r52b02d1f61-random-1/001-trained-steps.e5c030aaefd5.json',26,'e5c030aaefd53611701beb0635d88ed9e81afc05dc4f9af850a8d7e3a6c70b2f','2026-11-22 10:40:09.190052');
INSERT INTO "artefacts" VALUES(9,'r52b02d1f61-random-1',1,'evaluated','margins.safetensors','files/r52b02d1f61-random-1/001-evaluated-margins.9e84c75bdd37.safetensors',104,'9e84c75bdd3774f55b3a60e530f133b9ec9a7fa1578d170b42516f5e1bbf0f70','2026-11-22 10:40:09.191529');
INSERT INTO "artefacts" VALUES(10,'r52b02d1f61-random-1',1,'evaluated','generations.json','files/r52b02d1f61-random-1/001-evaluated-generations.7608eb8122e9.json',76,'7608eb8122e963ded167bf0fa415449ebec278161acd8ae9dc34faf0d293f33e','2026-11-22 10:40:09.191655');
INSERT INTO "artefacts" VALUES(11,'r52b02d1f61-real-1',0,'evaluated','margins.safetensors','files/r52b02d1f61-real-1/000-evaluated-margins.15f25ffd638d.safetensors',104,'15f25ffd638d1b79be251e73cf8793d387efb558bced16a0a90ece25f7a7e281','2026-11-22 10:40:09.196180');
INSERT INTO "artefacts" VALUES(12,'r52b02d1f61-real-1',0,'evaluated','generations.json','files/r52b02d1f61-real-1/000-evaluated-generations.4f53cda18c2b.json',2,'4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945','2026-11-22 10:40:09.196315');
INSERT INTO "artefacts" VALUES(13,'r52b02d1f61-real-1',1,'pooled','pairs.json','files/r52b02d1f61-real-1/001-pooled-pairs.ff87841812e2.json',797,'ff87841812e2d6f31368045ad4d32bdfa143addd7e6b07320cdd52ae9e47997d','2026-11-22 10:40:09.197588');
INSERT INTO "artefacts" VALUES(14,'r52b02d1f61-real-1',1,'scored','signals.safetensors','files/r52b02d1f61-real-1/001-scored-signals.b66f29473e46.safetensors',216,'b66f29473e46c2e8f3df896294a45395733e083bd2adc85863664d1b6d313582','2026-11-22 10:40:09.199216');
INSERT INTO "artefacts" VALUES(15,'r52b02d1f61-real-1',1,'scored','ids.json','files/r52b02d1f61-real-1/001-scored-ids.35db202c59cf.json',139,'35db202c59cfbeaab5a6a50dd745e218047e9c1309884796b14af1f2fa23853a','2026-11-22 10:40:09.199345');
CREATE TABLE assignments (
	id INTEGER NOT NULL, 
	run_id VARCHAR NOT NULL, 
	round INTEGER NOT NULL, 
	pair_id VARCHAR NOT NULL, 
	person_id VARCHAR, 
	kind VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	lease_until FLOAT, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_assignments PRIMARY KEY (id), 
	CONSTRAINT fk_assignments_pair_id_pairs FOREIGN KEY(pair_id) REFERENCES pairs (id), 
	CONSTRAINT fk_assignments_person_id_people FOREIGN KEY(person_id) REFERENCES people (id), 
	CONSTRAINT fk_assignments_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "assignments" VALUES(1,'r52b02d1f61-real-1',1,'x595d416b4ee3bd67','ada','label','open',1000000000.0,'2026-11-22 10:40:09.209482');
CREATE TABLE commands (
	id INTEGER NOT NULL, 
	study_id VARCHAR, 
	run_id VARCHAR, 
	what VARCHAR NOT NULL, 
	detail JSON, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_commands PRIMARY KEY (id), 
	CONSTRAINT fk_commands_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id), 
	CONSTRAINT fk_commands_study_id_studies FOREIGN KEY(study_id) REFERENCES studies (id)
);
INSERT INTO "commands" VALUES(1,'s52b02d1f61','r52b02d1f61-real-1','pause','{"runs": 1}','2026-11-22 10:40:09.205701');
INSERT INTO "commands" VALUES(2,'s52b02d1f61','r52b02d1f61-real-1','resume','{"runs": 1}','2026-11-22 10:40:09.206759');
CREATE TABLE comparisons (
	dataset_id VARCHAR NOT NULL, 
	"row" INTEGER NOT NULL, 
	pair_id VARCHAR NOT NULL, 
	answer VARCHAR NOT NULL, 
	strength FLOAT, 
	labeller TEXT NOT NULL, share FLOAT, 
	CONSTRAINT pk_comparisons PRIMARY KEY (dataset_id, "row"), 
	CONSTRAINT fk_comparisons_dataset_id_datasets FOREIGN KEY(dataset_id) REFERENCES datasets (id), 
	CONSTRAINT fk_comparisons_pair_id_pairs FOREIGN KEY(pair_id) REFERENCES pairs (id)
);
INSERT INTO "comparisons" VALUES('d7f225e5a611c',4,'x22b6f6142d443560','b',0.5,'l4',NULL);
INSERT INTO "comparisons" VALUES('d7f225e5a611c',0,'x595d416b4ee3bd67','b',NULL,'l0',NULL);
INSERT INTO "comparisons" VALUES('d7f225e5a611c',2,'x5b405125be7cfe79','b',0.5,'l2',NULL);
INSERT INTO "comparisons" VALUES('d7f225e5a611c',3,'xb20c1b9e69ad7611','a',0.5,'l3',NULL);
INSERT INTO "comparisons" VALUES('d7f225e5a611c',1,'xcf948936ed268970','a',0.5,'l1',NULL);
INSERT INTO "comparisons" VALUES('d7f225e5a611c',5,'xd8424717dab93912','a',0.5,'l5',NULL);
INSERT INTO "comparisons" VALUES('df64ec25d9a18',0,'x595d416b4ee3bd67','b',NULL,'l0',NULL);
INSERT INTO "comparisons" VALUES('df64ec25d9a18',1,'xcf948936ed268970','a',0.5,'l1',NULL);
CREATE TABLE dataset_pairs (
	dataset_id VARCHAR NOT NULL, 
	"row" INTEGER NOT NULL, 
	pair_id VARCHAR NOT NULL, 
	CONSTRAINT pk_dataset_pairs PRIMARY KEY (dataset_id, "row"), 
	CONSTRAINT fk_dataset_pairs_dataset_id_datasets FOREIGN KEY(dataset_id) REFERENCES datasets (id), 
	CONSTRAINT fk_dataset_pairs_pair_id_pairs FOREIGN KEY(pair_id) REFERENCES pairs (id)
);
INSERT INTO "dataset_pairs" VALUES('d7f225e5a611c',4,'x22b6f6142d443560');
INSERT INTO "dataset_pairs" VALUES('d7f225e5a611c',0,'x595d416b4ee3bd67');
INSERT INTO "dataset_pairs" VALUES('d7f225e5a611c',2,'x5b405125be7cfe79');
INSERT INTO "dataset_pairs" VALUES('d7f225e5a611c',3,'xb20c1b9e69ad7611');
INSERT INTO "dataset_pairs" VALUES('d7f225e5a611c',1,'xcf948936ed268970');
INSERT INTO "dataset_pairs" VALUES('d7f225e5a611c',5,'xd8424717dab93912');
INSERT INTO "dataset_pairs" VALUES('df64ec25d9a18',0,'x595d416b4ee3bd67');
INSERT INTO "dataset_pairs" VALUES('df64ec25d9a18',1,'xcf948936ed268970');
CREATE TABLE dataset_prompts (
	dataset_id VARCHAR NOT NULL, 
	"row" INTEGER NOT NULL, 
	prompt_id VARCHAR NOT NULL, 
	CONSTRAINT pk_dataset_prompts PRIMARY KEY (dataset_id, "row"), 
	CONSTRAINT fk_dataset_prompts_dataset_id_datasets FOREIGN KEY(dataset_id) REFERENCES datasets (id), 
	CONSTRAINT fk_dataset_prompts_prompt_id_prompts FOREIGN KEY(prompt_id) REFERENCES prompts (id)
);
INSERT INTO "dataset_prompts" VALUES('d7f225e5a611c',1,'p0ce0c78036c6d39d');
INSERT INTO "dataset_prompts" VALUES('d7f225e5a611c',3,'p0e2796cc7f265be7');
INSERT INTO "dataset_prompts" VALUES('d7f225e5a611c',2,'p38ea3ad106ad5640');
INSERT INTO "dataset_prompts" VALUES('d7f225e5a611c',5,'p3fe12039287650b2');
INSERT INTO "dataset_prompts" VALUES('d7f225e5a611c',0,'p43b6300513372245');
INSERT INTO "dataset_prompts" VALUES('d7f225e5a611c',4,'p73bd67a58e9ecc95');
INSERT INTO "dataset_prompts" VALUES('df64ec25d9a18',1,'p0ce0c78036c6d39d');
INSERT INTO "dataset_prompts" VALUES('df64ec25d9a18',0,'p43b6300513372245');
CREATE TABLE dataset_responses (
	dataset_id VARCHAR NOT NULL, 
	"row" INTEGER NOT NULL, 
	response_id VARCHAR NOT NULL, 
	score FLOAT, aspects JSON, 
	CONSTRAINT pk_dataset_responses PRIMARY KEY (dataset_id, "row"), 
	CONSTRAINT fk_dataset_responses_dataset_id_datasets FOREIGN KEY(dataset_id) REFERENCES datasets (id), 
	CONSTRAINT fk_dataset_responses_response_id_responses FOREIGN KEY(response_id) REFERENCES responses (id)
);
INSERT INTO "dataset_responses" VALUES('d7f225e5a611c',4,'r14796b0b05065f14',0.5,NULL);
INSERT INTO "dataset_responses" VALUES('d7f225e5a611c',3,'r1e70d8cccec2e3e7',NULL,NULL);
INSERT INTO "dataset_responses" VALUES('d7f225e5a611c',11,'r2e4ee8203144fd6f',NULL,NULL);
INSERT INTO "dataset_responses" VALUES('d7f225e5a611c',10,'r4b86dc62bad5de1e',1.25,NULL);
INSERT INTO "dataset_responses" VALUES('d7f225e5a611c',6,'r5f4ff7f71d4c2e2e',0.75,NULL);
INSERT INTO "dataset_responses" VALUES('d7f225e5a611c',0,'r8c93bd308d5615b2',0.0,NULL);
INSERT INTO "dataset_responses" VALUES('d7f225e5a611c',2,'ra01c9bc14a2624d3',0.25,NULL);
INSERT INTO "dataset_responses" VALUES('d7f225e5a611c',1,'rae6ee973a9b4d24a',NULL,NULL);
INSERT INTO "dataset_responses" VALUES('d7f225e5a611c',9,'rc040ec2db143333a',NULL,NULL);
INSERT INTO "dataset_responses" VALUES('d7f225e5a611c',8,'rcdafa9a91279b69b',1.0,NULL);
INSERT INTO "dataset_responses" VALUES('d7f225e5a611c',5,'rdd86cd9895cea6bc',NULL,NULL);
INSERT INTO "dataset_responses" VALUES('d7f225e5a611c',7,'re0bbb0794bec90bc',NULL,NULL);
INSERT INTO "dataset_responses" VALUES('df64ec25d9a18',3,'r1e70d8cccec2e3e7',NULL,NULL);
INSERT INTO "dataset_responses" VALUES('df64ec25d9a18',0,'r8c93bd308d5615b2',0.0,NULL);
INSERT INTO "dataset_responses" VALUES('df64ec25d9a18',2,'ra01c9bc14a2624d3',0.25,NULL);
INSERT INTO "dataset_responses" VALUES('df64ec25d9a18',1,'rae6ee973a9b4d24a',NULL,NULL);
CREATE TABLE datasets (
	id VARCHAR NOT NULL, 
	name TEXT NOT NULL, 
	path TEXT NOT NULL, 
	format VARCHAR NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	rows INTEGER NOT NULL, 
	refused JSON NOT NULL, 
	dropped JSON NOT NULL, 
	part VARCHAR NOT NULL, 
	created DATETIME NOT NULL, label_bank BOOLEAN, whole BOOLEAN DEFAULT '1' NOT NULL, 
	CONSTRAINT pk_datasets PRIMARY KEY (id)
);
INSERT INTO "datasets" VALUES('d7f225e5a611c','w','w.jsonl','multi_response','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',6,'{"x": 1}','{}','','2026-11-22 10:40:09.165956',1,1);
INSERT INTO "datasets" VALUES('df64ec25d9a18','w','w.jsonl','multi_response','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee',6,'{"x": 1}','{}','','2026-11-22 10:40:09.201548',1,1);
CREATE TABLE edits (
	id INTEGER NOT NULL, 
	run_id VARCHAR NOT NULL, 
	round INTEGER NOT NULL, 
	what VARCHAR NOT NULL, 
	pair_id VARCHAR, 
	other_id VARCHAR, 
	undoes INTEGER, 
	person TEXT NOT NULL, 
	detail JSON, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_edits PRIMARY KEY (id), 
	CONSTRAINT fk_edits_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id), 
	CONSTRAINT fk_edits_pair_id_pairs FOREIGN KEY(pair_id) REFERENCES pairs (id), 
	CONSTRAINT fk_edits_other_id_pairs FOREIGN KEY(other_id) REFERENCES pairs (id), 
	CONSTRAINT fk_edits_undoes_edits FOREIGN KEY(undoes) REFERENCES edits (id)
);
CREATE TABLE guidelines (
	id INTEGER NOT NULL, 
	study_id VARCHAR, 
	text TEXT, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_guidelines PRIMARY KEY (id), 
	CONSTRAINT fk_guidelines_study_id_studies FOREIGN KEY(study_id) REFERENCES studies (id)
);
INSERT INTO "guidelines" VALUES(1,'s52b02d1f61','Be fair.','2026-11-22 10:40:09.209176');
CREATE TABLE labels (
	id INTEGER NOT NULL, 
	study_id VARCHAR NOT NULL, 
	seed INTEGER, 
	pair_id VARCHAR NOT NULL, 
	answer VARCHAR NOT NULL, 
	oracle VARCHAR NOT NULL, 
	detail JSON NOT NULL, 
	run_id VARCHAR NOT NULL, 
	round INTEGER NOT NULL, 
	person_id VARCHAR, 
	side_shown_first VARCHAR, 
	seconds FLOAT, 
	note TEXT, 
	guideline_id INTEGER, 
	corrects INTEGER, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_labels PRIMARY KEY (id), 
	CONSTRAINT ck_labels_answer CHECK (answer IN ('a', 'b', 'tie', 'both_bad', 'skip')), 
	CONSTRAINT fk_labels_corrects_labels FOREIGN KEY(corrects) REFERENCES labels (id), 
	CONSTRAINT fk_labels_guideline_id_guidelines FOREIGN KEY(guideline_id) REFERENCES guidelines (id), 
	CONSTRAINT fk_labels_pair_id_pairs FOREIGN KEY(pair_id) REFERENCES pairs (id), 
	CONSTRAINT fk_labels_person_id_people FOREIGN KEY(person_id) REFERENCES people (id), 
	CONSTRAINT fk_labels_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id), 
	CONSTRAINT fk_labels_study_id_studies FOREIGN KEY(study_id) REFERENCES studies (id)
);
INSERT INTO "labels" VALUES(1,'s52b02d1f61',NULL,'x595d416b4ee3bd67','a','gold','{"score_a": 0.1}','r52b02d1f61-random-1',1,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22 10:40:09.187841');
INSERT INTO "labels" VALUES(2,'s52b02d1f61',NULL,'xcf948936ed268970','tie','gold','{}','r52b02d1f61-random-1',1,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22 10:40:09.187843');
CREATE TABLE metrics (
	run_id VARCHAR NOT NULL, 
	round INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	split VARCHAR NOT NULL, 
	value FLOAT, 
	n INTEGER NOT NULL, 
	unit VARCHAR NOT NULL, 
	CONSTRAINT pk_metrics PRIMARY KEY (run_id, round, name, split), 
	CONSTRAINT fk_metrics_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "metrics" VALUES('r52b02d1f61-random-1',0,'accuracy','near',0.5,4,'share');
INSERT INTO "metrics" VALUES('r52b02d1f61-random-1',1,'accuracy','near',0.75,4,'share');
INSERT INTO "metrics" VALUES('r52b02d1f61-random-1',1,'kl','',0.1,2,'nats');
INSERT INTO "metrics" VALUES('r52b02d1f61-real-1',0,'accuracy','near',0.5,4,'share');
CREATE TABLE pairs (
	id VARCHAR NOT NULL, 
	prompt_id VARCHAR NOT NULL, 
	a VARCHAR NOT NULL, 
	b VARCHAR NOT NULL, 
	CONSTRAINT pk_pairs PRIMARY KEY (id), 
	CONSTRAINT ck_pairs_sides_in_hash_order CHECK (a < b), 
	CONSTRAINT fk_pairs_a_responses FOREIGN KEY(a) REFERENCES responses (id), 
	CONSTRAINT fk_pairs_b_responses FOREIGN KEY(b) REFERENCES responses (id), 
	CONSTRAINT fk_pairs_prompt_id_prompts FOREIGN KEY(prompt_id) REFERENCES prompts (id)
);
INSERT INTO "pairs" VALUES('x22b6f6142d443560','p73bd67a58e9ecc95','rc040ec2db143333a','rcdafa9a91279b69b');
INSERT INTO "pairs" VALUES('x595d416b4ee3bd67','p43b6300513372245','r8c93bd308d5615b2','rae6ee973a9b4d24a');
INSERT INTO "pairs" VALUES('x5b405125be7cfe79','p38ea3ad106ad5640','r14796b0b05065f14','rdd86cd9895cea6bc');
INSERT INTO "pairs" VALUES('xb20c1b9e69ad7611','p0e2796cc7f265be7','r5f4ff7f71d4c2e2e','re0bbb0794bec90bc');
INSERT INTO "pairs" VALUES('xcf948936ed268970','p0ce0c78036c6d39d','r1e70d8cccec2e3e7','ra01c9bc14a2624d3');
INSERT INTO "pairs" VALUES('xd8424717dab93912','p3fe12039287650b2','r2e4ee8203144fd6f','r4b86dc62bad5de1e');
INSERT INTO "pairs" VALUES('x2700add1e61095fb','p43b6300513372245','r721438f44c4348b4','r8c93bd308d5615b2');
CREATE TABLE people (
	id VARCHAR NOT NULL, 
	name TEXT NOT NULL, 
	role VARCHAR NOT NULL, 
	token_sha256 VARCHAR, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_people PRIMARY KEY (id)
);
INSERT INTO "people" VALUES('ada','Ada','labeller',NULL,'2026-11-22 10:40:09.208891');
CREATE TABLE picks (
	run_id VARCHAR NOT NULL, 
	round INTEGER NOT NULL, 
	rank INTEGER NOT NULL, 
	pair_id VARCHAR NOT NULL, 
	score FLOAT, 
	gain FLOAT, 
	why JSON NOT NULL, 
	warm_up BOOLEAN NOT NULL, 
	by_person VARCHAR, 
	CONSTRAINT pk_picks PRIMARY KEY (run_id, round, rank), 
	CONSTRAINT fk_picks_by_person_people FOREIGN KEY(by_person) REFERENCES people (id), 
	CONSTRAINT fk_picks_pair_id_pairs FOREIGN KEY(pair_id) REFERENCES pairs (id), 
	CONSTRAINT fk_picks_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "picks" VALUES('r52b02d1f61-random-1',1,1,'x595d416b4ee3bd67',0.1,0.2,'{"nearest_pair": "x", "nearest_cosine": 0.5}',1,NULL);
INSERT INTO "picks" VALUES('r52b02d1f61-random-1',1,2,'xcf948936ed268970',NULL,NULL,'{}',1,NULL);
CREATE TABLE plugins (
	room VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	source TEXT NOT NULL, 
	fields JSON NOT NULL, 
	about JSON NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_plugins PRIMARY KEY (room, name, sha256)
);
INSERT INTO "plugins" VALUES('engine.strategies','own','0','pass','{}','{}','2026-11-22 10:40:09.209853');
CREATE TABLE pool_snapshots (
	run_id VARCHAR NOT NULL, 
	round INTEGER NOT NULL, 
	n_pairs INTEGER NOT NULL, 
	artefact_id INTEGER NOT NULL, 
	CONSTRAINT pk_pool_snapshots PRIMARY KEY (run_id, round), 
	CONSTRAINT fk_pool_snapshots_artefact_id_artefacts FOREIGN KEY(artefact_id) REFERENCES artefacts (id), 
	CONSTRAINT fk_pool_snapshots_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "pool_snapshots" VALUES('r52b02d1f61-random-1',1,6,3);
INSERT INTO "pool_snapshots" VALUES('r52b02d1f61-real-1',1,6,13);
CREATE TABLE prompts (
	id VARCHAR NOT NULL, 
	messages JSON NOT NULL, 
	topic TEXT, 
	CONSTRAINT pk_prompts PRIMARY KEY (id)
);
INSERT INTO "prompts" VALUES('p0ce0c78036c6d39d','[["user", "How do I wash it, 1? <b>\u00fc</b>\u2028"]]','wash');
INSERT INTO "prompts" VALUES('p0e2796cc7f265be7','[["user", "How do I wash it, 3? <b>\u00fc</b>\u2028"]]','wash');
INSERT INTO "prompts" VALUES('p38ea3ad106ad5640','[["user", "How do I wash it, 2? <b>\u00fc</b>\u2028"]]','wash');
INSERT INTO "prompts" VALUES('p3fe12039287650b2','[["user", "How do I wash it, 5? <b>\u00fc</b>\u2028"]]','wash');
INSERT INTO "prompts" VALUES('p43b6300513372245','[["user", "How do I wash it, 0? <b>\u00fc</b>\u2028"]]','wash');
INSERT INTO "prompts" VALUES('p73bd67a58e9ecc95','[["user", "How do I wash it, 4? <b>\u00fc</b>\u2028"]]','wash');
CREATE TABLE responses (
	id VARCHAR NOT NULL, 
	prompt_id VARCHAR NOT NULL, 
	text TEXT NOT NULL, 
	source TEXT NOT NULL, 
	sampling JSON, 
	run_id VARCHAR, 
	round INTEGER, 
	CONSTRAINT pk_responses PRIMARY KEY (id), 
	CONSTRAINT fk_responses_prompt_id_prompts FOREIGN KEY(prompt_id) REFERENCES prompts (id), 
	CONSTRAINT fk_responses_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "responses" VALUES('r14796b0b05065f14','p38ea3ad106ad5640','gently 2','m',NULL,NULL,NULL);
INSERT INTO "responses" VALUES('r1e70d8cccec2e3e7','p0ce0c78036c6d39d','hot 1','m',NULL,NULL,NULL);
INSERT INTO "responses" VALUES('r2e4ee8203144fd6f','p3fe12039287650b2','hot 5','m',NULL,NULL,NULL);
INSERT INTO "responses" VALUES('r4b86dc62bad5de1e','p3fe12039287650b2','gently 5','m',NULL,NULL,NULL);
INSERT INTO "responses" VALUES('r5f4ff7f71d4c2e2e','p0e2796cc7f265be7','gently 3','m',NULL,NULL,NULL);
INSERT INTO "responses" VALUES('r8c93bd308d5615b2','p43b6300513372245','gently 0','m',NULL,NULL,NULL);
INSERT INTO "responses" VALUES('ra01c9bc14a2624d3','p0ce0c78036c6d39d','gently 1','m',NULL,NULL,NULL);
INSERT INTO "responses" VALUES('rae6ee973a9b4d24a','p43b6300513372245','hot 0','m',NULL,NULL,NULL);
INSERT INTO "responses" VALUES('rc040ec2db143333a','p73bd67a58e9ecc95','hot 4','m',NULL,NULL,NULL);
INSERT INTO "responses" VALUES('rcdafa9a91279b69b','p73bd67a58e9ecc95','gently 4','m',NULL,NULL,NULL);
INSERT INTO "responses" VALUES('rdd86cd9895cea6bc','p38ea3ad106ad5640','hot 2','m',NULL,NULL,NULL);
INSERT INTO "responses" VALUES('re0bbb0794bec90bc','p0e2796cc7f265be7','hot 3','m',NULL,NULL,NULL);
INSERT INTO "responses" VALUES('r721438f44c4348b4','p43b6300513372245','a new one ','policy',NULL,'r52b02d1f61-random-1',1);
CREATE TABLE revisions (
	scope VARCHAR NOT NULL, 
	n INTEGER NOT NULL, 
	CONSTRAINT pk_revisions PRIMARY KEY (scope)
);
INSERT INTO "revisions" VALUES('all',25);
INSERT INTO "revisions" VALUES('s52b02d1f61',19);
INSERT INTO "revisions" VALUES('tasks',1);
CREATE TABLE runs (
	id VARCHAR NOT NULL, 
	study_id VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	strategy VARCHAR NOT NULL, 
	seed INTEGER NOT NULL, 
	arm VARCHAR NOT NULL, 
	config JSON NOT NULL, 
	state VARCHAR NOT NULL, 
	stage VARCHAR NOT NULL, 
	round INTEGER NOT NULL, 
	progress TEXT NOT NULL, 
	error TEXT NOT NULL, 
	edited BOOLEAN NOT NULL, 
	worker_id VARCHAR, 
	lease_until FLOAT, 
	device VARCHAR, 
	provenance JSON, 
	updated DATETIME, priority INTEGER DEFAULT '0' NOT NULL, taken_over INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_runs PRIMARY KEY (id), 
	CONSTRAINT fk_runs_study_id_studies FOREIGN KEY(study_id) REFERENCES studies (id), 
	CONSTRAINT fk_runs_worker_id_workers FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT uq_runs_study_id_strategy_seed_arm UNIQUE (study_id, strategy, seed, arm)
);
INSERT INTO "runs" VALUES('r52b02d1f61-random-1','s52b02d1f61',0,'random',1,'','{"strategy": {"name": "random", "draw": 0}, "seed": 1, "arm": "", "setting": {}}','done','evaluated',1,'','',0,'w72c5484a',760.882905853,NULL,NULL,'2026-11-22 10:40:09.192608',0,0);
INSERT INTO "runs" VALUES('r52b02d1f61-real-1','s52b02d1f61',1,'real',1,'','{"strategy": {"name": "real", "keep": "dissimilar", "per_prompt": false}, "seed": 1, "arm": "", "setting": {}}','running','scored',1,'','',0,'w768be343',0.0,NULL,NULL,'2026-11-22 10:40:09.207909',0,0);
INSERT INTO "runs" VALUES('r52b02d1f61-activedpo-1','s52b02d1f61',2,'activedpo',1,'','{"strategy": {"name": "activedpo", "ridge": 0.1, "unit_norm": "response", "past": "cached", "per_prompt": false}, "seed": 1, "arm": "", "setting": {}}','queued','',0,'','',0,NULL,NULL,NULL,NULL,'2026-11-22 10:40:09.169841',0,0);
CREATE TABLE selections (
	id VARCHAR NOT NULL, 
	study_id VARCHAR, 
	name TEXT NOT NULL, 
	pair_ids JSON NOT NULL, 
	made_from JSON NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_selections PRIMARY KEY (id), 
	CONSTRAINT fk_selections_study_id_studies FOREIGN KEY(study_id) REFERENCES studies (id)
);
INSERT INTO "selections" VALUES('l9c9c1ec425','s52b02d1f61','','["x595d416b4ee3bd67", "xcf948936ed268970"]','{"made": "by hand"}','2026-11-22 10:40:09.204217');
CREATE TABLE stages (
	run_id VARCHAR NOT NULL, 
	round INTEGER NOT NULL, 
	stage VARCHAR NOT NULL, 
	detail JSON NOT NULL, 
	seconds FLOAT NOT NULL, 
	tokens INTEGER NOT NULL, 
	peak_bytes INTEGER NOT NULL, 
	finished DATETIME NOT NULL, 
	CONSTRAINT pk_stages PRIMARY KEY (run_id, round, stage), 
	CONSTRAINT fk_stages_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "stages" VALUES('r52b02d1f61-random-1',0,'evaluated','{"metrics": [["accuracy", "near", 0.5, 4, "share"]], "halved": {}}',0.1,7,9,'2026-11-22 10:40:09.180210');
INSERT INTO "stages" VALUES('r52b02d1f61-random-1',1,'pooled','{"dropped": {"identical": 2}, "drawn": {"responses": [["r721438f44c4348b4", "policy"]], "pairs": ["x595d416b4ee3bd67", "xcf948936ed268970", "x5b405125be7cfe79", "xb20c1b9e69ad7611", "x22b6f6142d443560", "xd8424717dab93912"]}, "halved": {}}',0.1,7,9,'2026-11-22 10:40:09.182661');
INSERT INTO "stages" VALUES('r52b02d1f61-random-1',1,'scored','{"notes": ["a note"], "signals": [{"name": "reward_margin", "axis": "pair", "unit": "u", "made_on": "m", "kept": true}, {"name": "embedding", "axis": "response", "unit": "", "made_on": "m", "kept": false}], "halved": {}}',0.1,7,9,'2026-11-22 10:40:09.184855');
INSERT INTO "stages" VALUES('r52b02d1f61-random-1',1,'picked','{"warm_up": true, "picks": [["x595d416b4ee3bd67", 1, 0.1, 0.2, {"nearest_pair": "x", "nearest_cosine": 0.5}], ["xcf948936ed268970", 2, null, null, {}]], "halved": {}}',0.1,7,9,'2026-11-22 10:40:09.186175');
INSERT INTO "stages" VALUES('r52b02d1f61-random-1',1,'labelled','{"labels": [["x595d416b4ee3bd67", "a", "gold", {"score_a": 0.1}], ["xcf948936ed268970", "tie", "gold", {}]], "reused": 1, "halved": {}}',0.1,7,9,'2026-11-22 10:40:09.188523');
INSERT INTO "stages" VALUES('r52b02d1f61-random-1',1,'trained','{"labels_used": 2, "adapter_hash": "h", "halved": {}}',0.1,7,9,'2026-11-22 10:40:09.190223');
INSERT INTO "stages" VALUES('r52b02d1f61-random-1',1,'evaluated','{"metrics": [["accuracy", "near", 0.75, 4, "share"], ["kl", "", 0.1, 2, "nats"]], "halved": {}}',0.1,7,9,'2026-11-22 10:40:09.191838');
INSERT INTO "stages" VALUES('r52b02d1f61-real-1',0,'evaluated','{"metrics": [["accuracy", "near", 0.5, 4, "share"]], "halved": {}}',0.1,7,9,'2026-11-22 10:40:09.196490');
INSERT INTO "stages" VALUES('r52b02d1f61-real-1',1,'pooled','{"dropped": {"identical": 2}, "drawn": {"responses": [["r721438f44c4348b4", "policy"]], "pairs": ["x595d416b4ee3bd67", "xcf948936ed268970", "x5b405125be7cfe79", "xb20c1b9e69ad7611", "x22b6f6142d443560", "xd8424717dab93912"]}, "halved": {}}',0.1,7,9,'2026-11-22 10:40:09.197795');
INSERT INTO "stages" VALUES('r52b02d1f61-real-1',1,'scored','{"notes": ["a note"], "signals": [{"name": "reward_margin", "axis": "pair", "unit": "u", "made_on": "m", "kept": true}, {"name": "embedding", "axis": "response", "unit": "", "made_on": "m", "kept": false}], "halved": {}}',0.1,7,9,'2026-11-22 10:40:09.199516');
CREATE TABLE studies (
	id VARCHAR NOT NULL, 
	name TEXT NOT NULL, 
	config JSON NOT NULL, 
	config_sha256 VARCHAR NOT NULL, 
	slots JSON NOT NULL, 
	datasets JSON NOT NULL, 
	provenance JSON NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_studies PRIMARY KEY (id)
);
INSERT INTO "studies" VALUES('s52b02d1f61','tiny','{"name": "tiny", "data": {"pool": "w.jsonl", "format": null, "held_out": {}, "held_out_share": 0.2, "held_out_strata": null, "held_out_seed": 0, "near_duplicates_together": false, "skip_refused": false}, "model": {"path": "m", "revision": null, "device": "auto", "dtype": "auto", "context_tokens": null, "lora": {"rank": 16, "alpha": 32.0, "dropout": 0.0, "targets": "all-linear"}}, "sampler": {"name": "given"}, "oracle": {"name": "recorded"}, "evaluator": null, "filters": [], "strategies": [{"name": "random", "draw": 0}, {"name": "real", "keep": "dissimilar", "per_prompt": false}, {"name": "activedpo", "ridge": 0.1, "unit_norm": "response", "past": "cached", "per_prompt": false}], "signals": [], "panel": [], "race": "none", "controls": [], "seeds": [1], "rounds": 1, "labels_per_round": 2, "label_share": null, "one_per_prompt": false, "prompts_per_round": null, "warm_up": false, "review": false, "regime": {"pool": "fixed", "weights": "reset", "data": "cumulative"}, "dpo": {"beta": 0.1, "loss": "sigmoid", "label_smoothing": 0.0, "learning_rate": 0.001, "epochs": 4, "batch_pairs": 16, "micro_batch_pairs": null, "warm_up_share": 0.1, "max_grad_norm": 1.0, "weight_decay": 0.0, "checkpointing": "auto"}, "evaluation": {"pairs_per_set": 500, "probe": 0, "generate": "last", "prompts": 128, "kl_prompts": 64, "max_new_tokens": 64, "guardrails": [{"name": "length_controlled"}, {"name": "repetition", "words": 3}], "text_file": null}, "referee": {"held_out": "", "metric": "accuracy", "statistic": "final", "smallest": 0.02, "target": null, "second_random": true, "seeds_at_most": null, "spending": "none"}}','c2c58e85b8e7a3fcba0489e2f57a7c3f70af38ce450ce8eb91f4aa7c84be8cec','{"random": 0, "real": 3, "activedpo": 1}','{"pool": "d7f225e5a611c"}','{"data": {}}','2026-11-22 10:40:09.168266');
CREATE TABLE tasks (
	id INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	wants VARCHAR NOT NULL, 
	request JSON NOT NULL, 
	state VARCHAR NOT NULL, 
	progress TEXT NOT NULL, 
	answer JSON, 
	error TEXT NOT NULL, 
	worker_id VARCHAR, 
	lease_until FLOAT, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_tasks PRIMARY KEY (id), 
	CONSTRAINT fk_tasks_worker_id_workers FOREIGN KEY(worker_id) REFERENCES workers (id)
);
INSERT INTO "tasks" VALUES(1,'token_counts','tools','{"study_id": "s52b02d1f61"}','queued','',NULL,'',NULL,NULL,'2026-11-22 10:40:09.203194');
CREATE TABLE upgrades (
	schema VARCHAR NOT NULL, 
	program VARCHAR NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_upgrades PRIMARY KEY (schema)
);
INSERT INTO "upgrades" VALUES('0007','preference-workbench 0.1.0','2026-11-22 10:40:09.122349');
CREATE TABLE workers (
	id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	device VARCHAR NOT NULL, 
	pid INTEGER NOT NULL, 
	host VARCHAR NOT NULL, 
	doing TEXT NOT NULL, 
	last_word FLOAT NOT NULL, 
	lease_s FLOAT NOT NULL, 
	ended BOOLEAN NOT NULL, beat FLOAT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_workers PRIMARY KEY (id)
);
INSERT INTO "workers" VALUES('w72c5484a','device','cpu',1,'here','',1.79534400917045521735e+09,30.0,0,730.880639261);
INSERT INTO "workers" VALUES('wa1f0994e','device','cpu',1,'here','',1.79534400919329500197e+09,30.0,0,730.903478217);
INSERT INTO "workers" VALUES('w768be343','device','cpu',1,'here','',1.79534400920719027514e+09,30.0,0,730.917373177);
CREATE INDEX ix_datasets_sha256 ON datasets (sha256);
CREATE INDEX ix_runs_state ON runs (state);
CREATE INDEX ix_runs_study_id ON runs (study_id);
CREATE INDEX ix_tasks_state ON tasks (state);
CREATE INDEX ix_artefacts_run_id ON artefacts (run_id);
CREATE INDEX ix_commands_run_id ON commands (run_id);
CREATE INDEX ix_commands_study_id ON commands (study_id);
CREATE INDEX ix_responses_prompt_id ON responses (prompt_id);
CREATE INDEX ix_responses_run_id ON responses (run_id);
CREATE INDEX ix_pairs_prompt_id ON pairs (prompt_id);
CREATE INDEX ix_assignments_run_id ON assignments (run_id);
CREATE INDEX ix_comparisons_pair_id ON comparisons (pair_id);
CREATE INDEX ix_labels_study_id_seed_pair_id ON labels (study_id, seed, pair_id);
CREATE INDEX ix_picks_pair_id ON picks (pair_id);
CREATE TRIGGER labels_refuse_update BEFORE UPDATE ON labels BEGIN SELECT RAISE(ABORT, 'labels are append-only: a correction is a new row'); END;
CREATE TRIGGER labels_refuse_delete BEFORE DELETE ON labels BEGIN SELECT RAISE(ABORT, 'labels are append-only: a correction is a new row'); END;
CREATE INDEX ix_stages_run_id_stage_round_seconds ON stages (run_id, stage, round, seconds);
CREATE INDEX ix_dataset_prompts_prompt_id_dataset_id ON dataset_prompts (prompt_id, dataset_id);
CREATE INDEX ix_dataset_responses_response_id_dataset_id ON dataset_responses (response_id, dataset_id);
CREATE INDEX ix_dataset_pairs_pair_id_dataset_id ON dataset_pairs (pair_id, dataset_id);
CREATE INDEX ix_edits_run_id ON edits (run_id);
CREATE TRIGGER edits_refuse_update BEFORE UPDATE ON edits BEGIN SELECT RAISE(ABORT, 'edits are append-only: an undo is a new row'); END;
CREATE TRIGGER edits_refuse_delete BEFORE DELETE ON edits BEGIN SELECT RAISE(ABORT, 'edits are append-only: an undo is a new row'); END;
COMMIT;
CREATE TABLE kept_files (path TEXT, content BLOB);
INSERT INTO kept_files VALUES ('files/r52b02d1f61-random-1/000-evaluated-generations.4f53cda18c2b.json', X'5b5d');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-random-1/000-evaluated-margins.15f25ffd638d.safetensors', X'40000000000000007b226e656172223a7b226474797065223a22463634222c227368617065223a5b345d2c22646174615f6f666673657473223a5b302c33325d7d7d2020202020200000000000000000000000000000000000000000000000000000000000000000');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-random-1/001-evaluated-generations.7608eb8122e9.json', X'5b5b227237323134333866343463343334386234222c227034336236333030353133333732323435222c2261206e6577206f6e65205c75303030302068657265222c22706f6c696379225d5d');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-random-1/001-evaluated-margins.9e84c75bdd37.safetensors', X'40000000000000007b226e656172223a7b226474797065223a22463634222c227368617065223a5b345d2c22646174615f6f666673657473223a5b302c33325d7d7d2020202020209a9999999999b93f9a9999999999c9bf333333333333d33f0000000000000000');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-random-1/001-picked-features.41d67eba7fa8.safetensors', X'50000000000000007b227265776172645f6772616469656e74223a7b226474797065223a22463332222c227368617065223a5b322c322c335d2c22646174615f6f666673657473223a5b302c34385d7d7d20202020202020000000000000803f0000004000004040000080400000a0400000c0400000e04000000041000010410000204100003041');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-random-1/001-pooled-pairs.ff87841812e2.json', X'7b22696473223a5b227835393564343136623465653362643637222c227863663934383933366564323638393730222c227835623430353132356265376366653739222c227862323063316239653639616437363131222c227832326236663631343264343433353630222c227864383432343731376461623933393132225d2c227061697273223a5b5b227835393564343136623465653362643637222c227034336236333030353133333732323435222c227238633933626433303864353631356232222c227261653665653937336139623464323461225d2c5b227863663934383933366564323638393730222c227030636530633738303336633664333964222c227231653730643863636365633265336537222c227261303163396263313461323632346433225d2c5b227835623430353132356265376366653739222c227033386561336164313036616435363430222c227231343739366230623035303635663134222c227264643836636439383935636561366263225d2c5b227862323063316239653639616437363131222c227030653237393663633766323635626537222c227235663466663766373164346332653265222c227265306262623037393462656339306263225d2c5b227832326236663631343264343433353630222c227037336264363761353865396563633935222c227263303430656332646231343333333361222c227263646166613961393132373962363962225d2c5b227864383432343731376461623933393132222c227033666531323033393238373635306232222c227232653465653832303331343466643666222c227234623836646336326261643564653165225d2c5b227832373030616464316536313039356662222c227034336236333030353133333732323435222c227237323134333866343463343334386234222c227238633933626433303864353631356232225d5d2c226d616465223a5b5b227237323134333866343463343334386234222c227034336236333030353133333732323435222c2261206e6577206f6e65205c75303030302068657265222c22706f6c696379225d5d7d');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-random-1/001-scored-ids.35db202c59cf.json', X'7b227265776172645f6d617267696e223a5b227835393564343136623465653362643637222c227863663934383933366564323638393730222c227835623430353132356265376366653739222c227862323063316239653639616437363131222c227832326236663631343264343433353630222c227864383432343731376461623933393132225d7d');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-random-1/001-scored-signals.b66f29473e46.safetensors', X'88000000000000007b225f5f73636f726573223a7b226474797065223a22463634222c227368617065223a5b365d2c22646174615f6f666673657473223a5b302c34385d7d2c227265776172645f6d617267696e223a7b226474797065223a22463332222c227368617065223a5b365d2c22646174615f6f666673657473223a5b34382c37325d7d7d20202020202020000000000000f03f182d4454fb210940000000000000008059f3f8c21f6ea50100000000000000400000000000000840cdcccc3dcdcccc3dcdcccc3dcdcccc3dcdcccc3dcdcccc3d');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-random-1/001-trained-adapter.df6170505cbf.safetensors', X'38000000000000007b2241223a7b226474797065223a22463332222c227368617065223a5b312c325d2c22646174615f6f666673657473223a5b302c385d7d7d0000c03f000000c0');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-random-1/001-trained-steps.e5c030aaefd5.json', X'5b7b2273746570223a312e302c226c6f7373223a302e36397d5d');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-real-1/000-evaluated-generations.4f53cda18c2b.json', X'5b5d');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-real-1/000-evaluated-margins.15f25ffd638d.safetensors', X'40000000000000007b226e656172223a7b226474797065223a22463634222c227368617065223a5b345d2c22646174615f6f666673657473223a5b302c33325d7d7d2020202020200000000000000000000000000000000000000000000000000000000000000000');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-real-1/001-pooled-pairs.ff87841812e2.json', X'7b22696473223a5b227835393564343136623465653362643637222c227863663934383933366564323638393730222c227835623430353132356265376366653739222c227862323063316239653639616437363131222c227832326236663631343264343433353630222c227864383432343731376461623933393132225d2c227061697273223a5b5b227835393564343136623465653362643637222c227034336236333030353133333732323435222c227238633933626433303864353631356232222c227261653665653937336139623464323461225d2c5b227863663934383933366564323638393730222c227030636530633738303336633664333964222c227231653730643863636365633265336537222c227261303163396263313461323632346433225d2c5b227835623430353132356265376366653739222c227033386561336164313036616435363430222c227231343739366230623035303635663134222c227264643836636439383935636561366263225d2c5b227862323063316239653639616437363131222c227030653237393663633766323635626537222c227235663466663766373164346332653265222c227265306262623037393462656339306263225d2c5b227832326236663631343264343433353630222c227037336264363761353865396563633935222c227263303430656332646231343333333361222c227263646166613961393132373962363962225d2c5b227864383432343731376461623933393132222c227033666531323033393238373635306232222c227232653465653832303331343466643666222c227234623836646336326261643564653165225d2c5b227832373030616464316536313039356662222c227034336236333030353133333732323435222c227237323134333866343463343334386234222c227238633933626433303864353631356232225d5d2c226d616465223a5b5b227237323134333866343463343334386234222c227034336236333030353133333732323435222c2261206e6577206f6e65205c75303030302068657265222c22706f6c696379225d5d7d');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-real-1/001-scored-ids.35db202c59cf.json', X'7b227265776172645f6d617267696e223a5b227835393564343136623465653362643637222c227863663934383933366564323638393730222c227835623430353132356265376366653739222c227862323063316239653639616437363131222c227832326236663631343264343433353630222c227864383432343731376461623933393132225d7d');
INSERT INTO kept_files VALUES ('files/r52b02d1f61-real-1/001-scored-signals.b66f29473e46.safetensors', X'88000000000000007b225f5f73636f726573223a7b226474797065223a22463634222c227368617065223a5b365d2c22646174615f6f666673657473223a5b302c34385d7d2c227265776172645f6d617267696e223a7b226474797065223a22463332222c227368617065223a5b365d2c22646174615f6f666673657473223a5b34382c37325d7d7d20202020202020000000000000f03f182d4454fb210940000000000000008059f3f8c21f6ea50100000000000000400000000000000840cdcccc3dcdcccc3dcdcccc3dcdcccc3dcdcccc3dcdcccc3d');
